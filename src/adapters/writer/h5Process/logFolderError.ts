import { ComponentFailedError, NoSpaceError } from '../../../contracts/errors.js';

/** What the file system says of the folder for logs and notes, as an error of ours. */
export function logFolderError(
  cause: NodeJS.ErrnoException,
  { component, folder }: { component: string; folder: string },
): Error {
  const { code = '', message } = cause;
  const facts = { component, operation: 'write its log and its note', actual: message, cause };
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    const text = `${component} is not started: there is no space left in its log folder ${folder} (${code}).`;
    return new NoSpaceError('no_space', text, {
      ...facts,
      expected: 'free space on the disk of its logs',
      hint: `Free space there; logFolder of ${component} in deployment.yaml says where it is.`,
    });
  }
  const text = `${component} is not started: its log folder ${folder} cannot be written (${code || message}).`;
  return new ComponentFailedError('component_failed', text, {
    ...facts,
    expected: 'a folder that this user may write to',
    hint: `Check its permissions; logFolder of ${component} in deployment.yaml says where it is.`,
  });
}
