// Runs a program under strace, and returns the files that its processes opened, their connections, and the memory of the largest.
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';

export interface Traced {
  status: number | null;
  stdout: string;
  stderr: string;
  /** Every path that was opened or tried, with the program's arguments, which are empty in further threads. */
  opens: { args: string; path: string }[];
  /** Network calls: sockets of the Internet's families, and connections. */
  calls: string[];
  /** Memory of the largest process, in KiB. */
  peakKib: number;
}

/** Prints the kernel's figure for the largest of its child processes, once they have ended. */
const MEASURED = `import resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
open(sys.argv[1], "w").write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)`;

/** Runs a command to its end; `log` is the path of a file for the trace. */
export async function traced(command: readonly string[], log: string, env: NodeJS.ProcessEnv): Promise<Traced> {
  const strace = [
    'strace',
    '-f',
    '--seccomp-bpf',
    '-s',
    '4096',
    '-o',
    log,
    '-e',
    'trace=open,openat,openat2,execve,socket,connect,sendto',
  ];
  const child = spawn('python3', ['-c', MEASURED, `${log}.peak`, ...strace, ...command], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => {
    stdout += text.toString();
  });
  child.stderr.on('data', (text: Buffer) => {
    stderr += text.toString();
  });
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return {
    status,
    stdout,
    stderr,
    ...readTrace(readFileSync(log, 'utf8')),
    peakKib: Number(readFileSync(`${log}.peak`, 'utf8')),
  };
}

function readTrace(text: string): Pick<Traced, 'opens' | 'calls'> {
  const started = new Map<string, string>();
  const opens: Traced['opens'] = [];
  const calls: string[] = [];
  for (const line of text.split('\n')) {
    const [, pid = '', call = ''] = /^(\d+) +(.*)$/.exec(line) ?? [];
    const args = /^execve\((.*)\) = 0$/.exec(call)?.[1];
    if (args !== undefined) started.set(pid, args);
    const path = /^open(?:at|at2)?\((?:AT_FDCWD, )?"((?:[^"\\]|\\.)*)"/.exec(call)?.[1];
    if (path !== undefined) opens.push({ args: started.get(pid) ?? '', path });
    if (/^(socket\(AF_INET|connect\(.*AF_INET|sendto\(.*AF_INET)/.test(call)) calls.push(line);
  }
  return { opens, calls };
}
