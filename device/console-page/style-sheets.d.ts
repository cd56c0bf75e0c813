// Lets pages import their style sheets, which the build writes to files of their own.
declare module '*.css';
