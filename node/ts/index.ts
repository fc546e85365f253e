/**
 * Validation and reply correlation for batched device commands: `check` for batches, `Requester` for programs with their
 * own HTTP client and message queue. `setpoint/wire` has single messages.
 */

export type { Bytes } from "./bytes.js";
export {
  type CheckOptions,
  check,
  checkInto,
  checkText,
  type DeviceData,
  Directory,
  type OrgData,
} from "./check.js";
export * from "./client/index.js";
export {
  Requester,
  type RequesterOptions,
  readNow,
  type SendState,
  type Submission,
  type SubmitOptions,
} from "./engine.js";
export {
  AnswerError,
  EncodeError,
  FullError,
  InUseError,
  JsonError,
  LoadError,
  MessageError,
  PoisonedError,
  RefusedError,
  RequestError,
  RoomError,
  SetpointError,
} from "./errors.js";
export {
  Accepted,
  BatchDone,
  Cancelled,
  Duplicate,
  type Ended,
  type Event,
  type EventData,
  Finished,
  Late,
  type LateEvent,
  type Refusal,
  Refused,
  type Summary,
  TimedOut,
  Unknown,
  Unreadable,
} from "./events.js";
export { parseExact } from "./exact-json.js";
export type { BatchOf, Family, InvokeItem, ItemOf, Limits, Now, WriteItem } from "./items.js";
export { Outcome, type OutcomeData } from "./outcome.js";
export { Report, type ReportRecord } from "./report.js";
export type { AcceptedItem, Fault, RefusedItem } from "./report-items.js";
export { CODES, type CodeInfo, codeInfo, FAMILIES, type FamilyInfo } from "./tables.js";
