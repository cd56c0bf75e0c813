// Finding the device node of a wired camera (source-v4l2.ts).
import { describe, expect, it } from 'vitest';
import { findNode, machineNodes, type NodeView } from '../../../device/camera/source-v4l2.ts';

const PORCH = '/dev/v4l/by-id/usb-Maker_Porch_1234-video-index0';
const LAPTOP = '/dev/v4l/by-id/usb-Maker_Laptop_9-video-index0';

function view(nodes: string[], links: Record<string, string> = {}): NodeView {
  const names = new Map(Object.entries(links));
  return { exists: async (path) => nodes.includes(path) || names.has(path), byId: async () => names };
}

describe('the node of a wired camera', () => {
  it('is the configured one, and its lasting name is noted', async () => {
    expect(await findNode(view(['/dev/video0'], { [PORCH]: '/dev/video0' }), '/dev/video0', null)).toEqual({
      path: '/dev/video0',
      lasting: PORCH,
    });
    expect(await findNode(view(['/dev/video0']), '/dev/video0', null)).toEqual({ path: '/dev/video0', lasting: null });
    expect(await findNode(view([], { [PORCH]: '/dev/video3' }), PORCH, null)).toEqual({ path: PORCH, lasting: PORCH });
    expect(await findNode(view([], { [PORCH]: '/dev/video3' }), PORCH, PORCH)).toEqual({ path: PORCH, lasting: PORCH });
  });

  it('is another one if the camera came back under another number', async () => {
    const back = view(['/dev/video2'], { [PORCH]: '/dev/video2' });
    expect(await findNode(back, '/dev/video0', PORCH)).toEqual({ path: '/dev/video2', lasting: PORCH });
  });

  it('stays the same if it never had a lasting name', async () => {
    expect(await findNode(view(['/dev/video0']), '/dev/video0', null)).toMatchObject({ path: '/dev/video0' });
  });

  it('is none while the camera is unplugged, also if another camera has its node', async () => {
    expect(await findNode(view([]), '/dev/video0', null)).toEqual({ gone: 'there is no /dev/video0' });
    expect(await findNode(view([]), '/dev/video0', PORCH)).toEqual({ gone: `${PORCH} is not plugged in` });
    const other = view(['/dev/video0'], { [LAPTOP]: '/dev/video0' });
    expect(await findNode(other, '/dev/video0', PORCH)).toEqual({
      gone: `${PORCH} is not plugged in, and /dev/video0 is another camera now; restart to use it`,
    });
    expect(await findNode(other, PORCH, PORCH)).toEqual({ gone: `there is no ${PORCH}` });
  });

  it('is found on this machine', async () => {
    expect(await machineNodes.exists('/dev/null')).toBe(true);
    expect(await machineNodes.exists('/dev/no-such-camera')).toBe(false);
    expect(await machineNodes.byId()).toBeInstanceOf(Map);
  });
});
