import type { FrameSize } from './compressorLayout.js';

/** Frames cannot be compressed, or not any more; the message says why. */
export class CompressorError extends Error {
  /** What was expected, and what to do. */
  readonly facts = {
    expected: 'threads that compress every frame',
    hint: 'The frames before are in the file. Start again; if it comes again, see to more memory, or set compression to none.',
  };
}

/** A thread has ended by itself. */
export function threadEnded(cause: string): CompressorError {
  return new CompressorError(`a thread that compresses frames ${cause}`);
}

/** The file that frames were for has failed, and another one has begun. */
export function givenUp(): CompressorError {
  return new CompressorError('frames were given up, as their file had failed');
}

/** No memory for frames of this size. */
export function tooLarge({ bytes }: FrameSize, cause: string): CompressorError {
  return new CompressorError(`no memory to compress frames of ${bytes} bytes: ${cause}`);
}
