// Ends the process where Node is older than the packages' `engines`, before anything is loaded that an old Node cannot read. Plain
// JavaScript for the same reason.
const [major, minor] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(
    `doorsill: this is Node ${process.versions.node}; install 20.19 or newer, and run the command again\n`,
  );
  process.exit(5);
}
