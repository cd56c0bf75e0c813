// Style sheets can be imported: the build bundles them into one file (sim/setup/build-page.mjs).
declare module '*.css';
