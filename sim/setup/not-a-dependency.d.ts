// An empty module. npm links all our packages into one node_modules; a package's tsconfig.json maps those that are not its dependencies to this file.
export {};
