// Owns: what a package sees of another one that its package.json does not name: nothing. npm lays all of ours into one node_modules, where each finds
// each; the tsconfig.json of a package leads those that it may not use here. Not here: what a package offers to those that may (its exports).
export {};
