// Ends the process on Windows, and where Node is older than the packages' `engines`, before anything is loaded that an old Node cannot read.
// Plain JavaScript for the same reason.
const [major, minor] = process.versions.node.split('.').map(Number);
const fail = (text) => {
  process.stderr.write(`doorsill: ${text}\n`);
  process.exit(5);
};
if (process.platform === 'win32')
  fail(
    'Windows does not tell Node who can read a file, so keys and footage cannot be guarded here; run it in WSL 2 or a container',
  );
if (major < 20 || (major === 20 && minor < 19))
  fail(`this is Node ${process.versions.node}; install 20.19 or newer, and run the command again`);
