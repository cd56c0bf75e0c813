// Pages import their style sheets; the build makes files of them.
declare module '*.css';
