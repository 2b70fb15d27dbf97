import type { IntegrationStatus, Progress, StatusReport } from '../contracts/acquisition.js';
import type { JsonObject, JsonValue } from '../contracts/json.js';
import { errorFacts } from './errorTable.js';
import { STATUS_PREFIX, type WireProgress } from './schemas.js';

/** A status as clients know it, `IntegrationStatus.RUNNING`. */
export function wireStatus(status: IntegrationStatus): string {
  return STATUS_PREFIX + status;
}

/** The envelope of an answer, with what it adds. */
export function okEnvelope(status: IntegrationStatus, added: JsonObject): JsonObject {
  return { state: 'ok', status: wireStatus(status), ...added };
}

const fieldsOf = new WeakMap<StatusReport, JsonObject>();

/** What `GET /status` adds to the envelope; the same object as long as nothing changes, however many ask. */
export function statusFields(report: StatusReport): JsonObject {
  const fields = fieldsOf.get(report) ?? fieldsIn(report);
  fieldsOf.set(report, fields);
  return fields;
}

/** Fields without a value are left out. */
function fieldsIn(report: StatusReport): JsonObject {
  const fields: JsonObject = {};
  if (report.notice !== null) fields.details = report.notice;
  if (report.error !== null) {
    fields.details = report.error.message;
    fields.error = errorFacts(report.error);
  }
  if (report.file !== null) fields.file = report.file;
  if (report.transition !== null) fields.transition = report.transition;
  if (report.progress !== null) fields.progress = wireProgress(report.progress);
  return fields;
}

/** The whole present status: the answer of `GET /status` and the data of a `snapshot` event. */
export function statusEnvelope(report: StatusReport): JsonObject {
  return okEnvelope(report.status, statusFields(report));
}

const PROGRESS_NAMES: Readonly<Record<keyof Progress, keyof WireProgress>> = {
  writtenFrames: 'written_frames',
  receivedFrames: 'received_frames',
  lostFrames: 'lost_frames',
  expectedFrames: 'expected_frames',
  writtenBytes: 'written_bytes',
  frameRateHz: 'frame_rate_hz',
};

/** Progress in the names of the wire; other fields are kept as they are. */
export function wireProgress(progress: Readonly<Record<string, JsonValue>> | Progress): JsonObject {
  const fields: JsonObject = {};
  for (const [name, value] of Object.entries(progress))
    fields[isProgressName(name) ? PROGRESS_NAMES[name] : name] = value;
  return fields;
}

function isProgressName(name: string): name is keyof Progress {
  return Object.hasOwn(PROGRESS_NAMES, name);
}
