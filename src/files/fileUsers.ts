import { readdir, readFile, readlink, stat, statfs } from 'node:fs/promises';

/** Who may be writing to a file. */
export interface FileUsers {
  /** Processes of this machine that have it open for writing. */
  readonly writers: readonly number[];
  /** Whether others could have it open unseen: processes of other users or outside this container, other machines. */
  readonly mayBeHidden: boolean;
}

// Source: linux/magic.h; the types whose files can be written by other machines.
const NETWORK_FILE_SYSTEMS = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0x0bd00bd0, 0x47504653, 0x65735546, 0xc36400, 0x01021997,
  0x19830326,
]);

/** The process namespace outside of all containers. Source: linux/proc_ns.h, PROC_PID_INIT_INO. */
const WHOLE_MACHINE = 'pid:[4026531836]';

/** Looks which processes of this machine have a file open for writing (`/proc`). */
export async function fileUsers(path: string): Promise<FileUsers> {
  const [file, { type }] = await Promise.all([stat(path), statfs(path)]);
  const processes = (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name));
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  let isHidden = namespace !== WHOLE_MACHINE || NETWORK_FILE_SYSTEMS.has(type >>> 0);
  const writers: number[] = [];
  for (const pid of processes) {
    const handles = await readdir(`/proc/${pid}/fd`).catch((error: NodeJS.ErrnoException) => {
      // A process that has ended meanwhile hides nothing.
      if (error.code !== 'ENOENT' && error.code !== 'ESRCH') isHidden = true;
      return [];
    });
    for (const handle of handles) {
      const open = await stat(`/proc/${pid}/fd/${handle}`).catch(() => null);
      if (open === null || open.ino !== file.ino || open.dev !== file.dev) continue;
      if (await isForWriting(pid, handle)) writers.push(Number(pid));
    }
  }
  return { writers: [...new Set(writers)], mayBeHidden: isHidden };
}

async function isForWriting(pid: string, handle: string): Promise<boolean> {
  const text = await readFile(`/proc/${pid}/fdinfo/${handle}`, 'utf8').catch(() => '');
  const flags = Number.parseInt(/^flags:\s+(\d+)/m.exec(text)?.[1] ?? '0', 8);
  return (flags & 3) !== 0;
}
