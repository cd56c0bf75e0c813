// Owns: style sheets as imports: the build gathers them into one file (sim/setup/build-page.mjs).
declare module '*.css';
