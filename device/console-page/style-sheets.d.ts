// Owns: telling the compiler that style sheets are imported by the pages that need them: the build makes files of them.
declare module '*.css';
