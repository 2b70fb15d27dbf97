import type { Section } from '../../contracts/json.js';
import type { Frame } from '../decoders/decoder.js';

/** What a file tells of its acquisition besides the frames. */
export interface AcquisitionDescription {
  readonly acquisitionId: string;
  /** The whole acquisition config. */
  readonly acquisition: Readonly<Record<string, Section>>;
  /** 0: until stopped. */
  readonly framesExpected: number;
  readonly userId: number;
  readonly startedAt: Date;
}

/** What is known once no more frames come. */
export interface Completion {
  readonly complete: boolean;
  readonly framesWritten: number;
  readonly framesLost: number;
  /** Frames written that lack pixels. */
  readonly framesIncomplete: number;
}

/**
 * One output file while it is being written. The methods are synchronous and throw what the HDF5 library or the
 * disk says; after a throw only `abandon` is left to call.
 */
export interface FrameFile {
  /** Writes a frame at its place. The caller sees to it that no number comes twice. */
  write(frame: Frame, receivedAtS: number): void;
  /** Makes all that was written visible to readers. */
  flush(): void;
  /** Sets a parameter that the layout declares; later ones win. Not after the first frame. */
  setParameter(name: string, value: string): void;
  close(completion: Completion): void;
  /** Closes after a failure, with as much as the disk still takes. Never throws. */
  abandon(completion: Completion): void;
}

/** A layout of output files. */
export interface FileFormat {
  /** Makes a readable file without frames under a name that is reserved already. */
  create(path: string, description: AcquisitionDescription): FrameFile;
}
