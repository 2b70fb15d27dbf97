import type { JsonValue, Section } from '../../contracts/json.js';
import type { Frame } from '../decoders/decoder.js';
import type { NewGroup } from '../hdf5/newObjects.js';

/** What the writer's command line says of the detector. */
export interface DetectorFacts {
  /** A plain word: it names a group of the file. */
  readonly name: string;
  /** Modules that give no data; null when nobody said. */
  readonly badModules: number | null;
}

/** What a file tells of its acquisition besides the frames. */
export interface AcquisitionDescription {
  readonly acquisitionId: string;
  /** The whole acquisition config. */
  readonly acquisition: Readonly<Record<string, Section>>;
  /** 0: until stopped. */
  readonly framesExpected: number;
  readonly userId: number;
  readonly detector: DetectorFacts;
  readonly startedAt: Date;
}

/** What is known once no more frames come. */
export interface Completion {
  readonly complete: boolean;
  /** Frames that were handed to the file. */
  readonly framesTaken: number;
  /** Frames that never came. */
  readonly framesMissing: number;
  /** Frames written that lack pixels. */
  readonly framesIncomplete: number;
}

/** How a frame has come. */
export interface Arrival {
  readonly receivedAtS: number;
  /** Called once the memory of its pixels is not needed any more. */
  readonly written: () => void;
}

/**
 * One output file while it is being written. Methods throw what the disk says; after that only
 * `abandon` is left to call.
 */
export interface FrameFile {
  /** Frames in the file that readers find, whatever becomes of the writer. */
  readonly framesWritten: number;
  /** Bytes of these frames. */
  readonly bytesWritten: number;
  /**
   * Takes a frame for its place; it is written meanwhile. The caller sees to it that no number comes twice. Throws also
   * when an earlier frame could not be written.
   */
  write(frame: Frame, arrival: Arrival): void;
  /** Undefined while there is room for more frames on their way to the disk; else resolves when there is again. */
  room(): Promise<void> | undefined;
  /** Makes all that was written visible to readers. */
  flush(): Promise<void>;
  /** Sets a parameter that the layout declares; later ones win. Not after the first frame. */
  setParameter(name: string, value: ParameterValue): void;
  /** Writes what is on its way, and closes. */
  close(completion: Completion): Promise<void>;
  /** Closes after a failure, with as much as the disk still takes. Never throws. */
  abandon(completion: Completion): Promise<void>;
}

/** What a parameter of a layout can be. */
export type ParameterValue = string | number | boolean;

/** The parameters that a layout takes from clients. */
export interface ParameterRule {
  /** In words, for messages. */
  readonly expected: string;
  readonly accepts: (name: string, value: JsonValue) => value is ParameterValue;
  /** Path of the dataset that it becomes. */
  readonly pathOf: (name: string) => string;
}

/** Where the frames lie in a file. */
export interface FramePlace {
  /** Path of the group that has the images, and beside them a dataset for each value that comes with the frames. */
  readonly group: string;
  /** Name of the dataset of the images. */
  readonly images: string;
  /** Name of the dataset of the frame numbers. */
  readonly numbers: string;
}

/** What one layout of files has of its own; what all have is in `StackFormat`. */
export interface Layout {
  readonly name: string;
  readonly parameters: ParameterRule;
  place(description: AcquisitionDescription): FramePlace;
  /** Puts the groups and datasets that only this layout has; those of `place` are to be there afterwards. */
  describe(root: NewGroup, description: AcquisitionDescription): void;
  /** Parameters that the file has even if nobody sets them. */
  defaults(description: AcquisitionDescription): Readonly<Record<string, ParameterValue>>;
}

/** Makes output files. */
export interface FileFormat {
  /** Makes a readable file without frames under a name that is reserved already. */
  create(path: string, description: AcquisitionDescription): FrameFile;
}
