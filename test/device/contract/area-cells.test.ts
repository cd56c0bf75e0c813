// Holds: a cell has eight neighbours, also where the map wraps around.
import { expect, it } from 'vitest';
import { cellOf, cellsAround } from '../../../device/contract/area-cells.ts';

const NORTH = 180 / 2 ** 12;
const EAST = 360 / 2 ** 13;

it('lists a cell first, then its eight neighbours', () => {
  const place = { longitude: -122.4194, latitude: 37.7749 };
  const around = cellsAround(cellOf(place));
  expect(around[0]).toBe(cellOf(place));
  const offsets = [-1, 0, 1];
  const beside = offsets.flatMap((x) =>
    offsets.map((y) => cellOf({ longitude: place.longitude + x * EAST, latitude: place.latitude + y * NORTH })),
  );
  expect([...around].sort()).toEqual(beside.sort());
  expect(new Set(around).size).toBe(9);
});

it('lists neighbours across the date line, and fewer at a pole', () => {
  const around = cellsAround(cellOf({ longitude: 179.99, latitude: 0.01 }));
  expect(around).toContain(cellOf({ longitude: -179.99, latitude: 0.01 }));
  expect(around).toHaveLength(9);
  expect(cellsAround(cellOf({ longitude: 10, latitude: 89.99 }))).toHaveLength(6);
});
