// The events of a requester: one class for each kind, told apart by `kind`.

import { type Outcome, type OutcomeData, outcomeOf } from "./outcome.js";
import { type Block, makerOf, Row } from "./row.js";
import {
  BATCH,
  CODE,
  FLAG_CONFLICT,
  FLAG_KNOWN_UNSENT,
  FLAG_OUTCOME,
  FLAG_WHOLE_REQUEST,
  INDEX,
  KIND_ACCEPTED,
  KIND_CANCELLED,
  KIND_DUPLICATE,
  KIND_FINISHED,
  KIND_LATE,
  KIND_REFUSED,
  KIND_TIMED_OUT,
  KIND_UNKNOWN,
  KIND_UNREADABLE,
  SUMMARY,
  TEXT_MSG,
  TEXT_REQUEST_ID,
  TEXT_SUBMSG,
} from "./row-layout.js";

/** How the items of a batch ended. `submitted` is the sum of all others but `accepted`. */
export interface Summary {
  /** Items of the batch. */
  readonly submitted: number;
  /** Items that the service is known to have taken. */
  readonly accepted: number;
  /** Items refused. */
  readonly refused: number;
  /** Items that ended with success. */
  readonly succeeded: number;
  /** Items that ended with a known failure. */
  readonly failed: number;
  /** Items without an outcome in time. */
  readonly timedOut: number;
  /** Items cancelled. */
  readonly cancelled: number;
}

/** Why an item was refused. */
export interface Refusal {
  /** The code. */
  readonly code: number;
  /** The code's message. */
  readonly msg: string;
  /** What exactly is wrong. */
  readonly submsg: string | null;
  /** Whether the whole request was refused; `code` is then the request's status. */
  readonly wholeRequest: boolean;
}

/** An event as plain data; `kind` says which members it has. */
export interface EventData {
  kind: Event["kind"];
  batch?: number;
  index?: number;
  requestId?: string | null;
  refusal?: Refusal;
  knownUnsent?: boolean;
  conflict?: boolean;
  outcome?: OutcomeData | null;
  reason?: string;
  summary?: Summary;
}

/** What all events have in common. */
abstract class BaseEvent extends Row {
  /** As plain data: for `JSON.stringify`, and, called by hand, for `structuredClone` and messages between threads. */
  abstract toJSON(): EventData;

  /** What `console.log` shows. */
  [Symbol.for("nodejs.util.inspect.custom")](): EventData {
    return this.toJSON();
  }
}

/** What the events of an item have in common. */
abstract class ItemEvent extends BaseEvent {
  abstract get kind(): Exclude<Event["kind"], "unknown" | "unreadable" | "batchDone">;

  /** The batch's number. */
  get batch(): number {
    return this.long(BATCH);
  }

  /** The item's place in its batch, from 0. */
  get index(): number {
    return this.number(INDEX);
  }

  /** The item's request id; null if it was sent without a usable one, and so can only be refused. */
  get requestId(): string | null {
    return this.text(TEXT_REQUEST_ID);
  }

  toJSON(): EventData {
    const { kind, batch, index, requestId } = this;
    return { kind, batch, index, requestId };
  }
}

/** What the events with an outcome have in common. */
abstract class OutcomeEvent extends ItemEvent {
  /** @internal */
  protected get readOutcome(): Outcome {
    return this.once(() => outcomeOf(...this.place));
  }
}

/** The service took the item; its outcome is to come. An outcome that comes before the response says so itself. */
export class Accepted extends ItemEvent {
  get kind(): "accepted" {
    return "accepted";
  }
}

/** The item was refused and nothing was sent. Ends the item. */
export class Refused extends ItemEvent {
  get kind(): "refused" {
    return "refused";
  }

  /** Why. */
  get refusal(): Refusal {
    const { code, msg, submsg } = this;
    return { code, msg, submsg, wholeRequest: this.flag(FLAG_WHOLE_REQUEST) };
  }

  /** Whether the command succeeded: always false. */
  get ok(): false {
    return false;
  }

  /** The code of the refusal. */
  get code(): number {
    return this.long(CODE);
  }

  /** The code's message. */
  get msg(): string {
    return this.text(TEXT_MSG) ?? "";
  }

  /** The further message: what exactly is wrong. */
  get submsg(): string | null {
    return this.text(TEXT_SUBMSG);
  }

  /** Always null: there is no output. */
  get output(): null {
    return null;
  }

  override toJSON(): EventData {
    return { ...super.toJSON(), refusal: this.refusal };
  }
}

/** The outcome: success, or a known failure. Ends the item. */
export class Finished extends OutcomeEvent {
  get kind(): "finished" {
    return "finished";
  }

  /** The outcome. */
  get outcome(): Outcome {
    return this.readOutcome;
  }

  /** Whether the command succeeded. */
  get ok(): boolean {
    return this.isZero(CODE);
  }

  /** The code of the outcome; 0 is success. */
  get code(): number {
    return this.long(CODE);
  }

  /** The code's message. */
  get msg(): string | null {
    return this.text(TEXT_MSG);
  }

  /** The further message. */
  get submsg(): string | null {
    return this.text(TEXT_SUBMSG);
  }

  /** The outcome's `output`, parsed when it is first asked for. */
  get output(): Record<string, unknown> {
    return this.outcome.output;
  }

  override toJSON(): EventData {
    return { ...super.toJSON(), outcome: this.outcome.toJSON() };
  }
}

/** No outcome in time: whether the device acted is not known, unless `knownUnsent`. Ends the item. */
export class TimedOut extends OutcomeEvent {
  get kind(): "timedOut" {
    return "timedOut";
  }

  /** Whether it is known that the command was never sent: only then is it safe to send it again. */
  get knownUnsent(): boolean {
    return this.flag(FLAG_KNOWN_UNSENT);
  }

  /** The service's reply, if the service reported the timeout; null if nothing came at all. */
  get outcome(): Outcome | null {
    return this.flag(FLAG_OUTCOME) ? this.readOutcome : null;
  }

  /** Whether the command is known to have succeeded: always false. */
  get ok(): false {
    return false;
  }

  /** The code for a timeout. */
  get code(): number {
    return this.long(CODE);
  }

  /** The code's message. */
  get msg(): string | null {
    return this.text(TEXT_MSG);
  }

  /** The service's further message; null if nothing came at all. */
  get submsg(): string | null {
    return this.outcome?.submsg ?? null;
  }

  /** Always null: there is no output. */
  get output(): null {
    return null;
  }

  override toJSON(): EventData {
    return { ...super.toJSON(), knownUnsent: this.knownUnsent, outcome: this.outcome?.toJSON() ?? null };
  }
}

/** The caller cancelled the batch while the item was open; the device may act all the same. Ends the item. */
export class Cancelled extends ItemEvent {
  get kind(): "cancelled" {
    return "cancelled";
  }

  /** Whether the command is known to have succeeded: always false. */
  get ok(): false {
    return false;
  }

  /** Always null: there is no reply. */
  get code(): null {
    return null;
  }

  /** Always null. */
  get msg(): null {
    return null;
  }

  /** Always null. */
  get submsg(): null {
    return null;
  }

  /** Always null. */
  get output(): null {
    return null;
  }
}

/** An outcome for an item that ended with `TimedOut` or `Cancelled` before. Ends nothing. */
export class Late extends OutcomeEvent {
  get kind(): "late" {
    return "late";
  }

  /** What came late. */
  get outcome(): Outcome {
    return this.readOutcome;
  }

  override toJSON(): EventData {
    return { ...super.toJSON(), outcome: this.outcome.toJSON() };
  }
}

/** A reply that repeats an outcome. Ends nothing. */
export class Duplicate extends OutcomeEvent {
  get kind(): "duplicate" {
    return "duplicate";
  }

  /** What came again. */
  get outcome(): Outcome {
    return this.readOutcome;
  }

  /** Whether it says something else than the outcome that ended the item. */
  get conflict(): boolean {
    return this.flag(FLAG_CONFLICT);
  }

  override toJSON(): EventData {
    return { ...super.toJSON(), outcome: this.outcome.toJSON(), conflict: this.conflict };
  }
}

/** A reply under a request id that is not, or no longer, known here. Ends nothing. */
export class Unknown extends BaseEvent {
  get kind(): "unknown" {
    return "unknown";
  }

  /** What came. */
  get outcome(): Outcome {
    return this.once(() => outcomeOf(...this.place));
  }

  toJSON(): EventData {
    return { kind: this.kind, outcome: this.outcome.toJSON() };
  }
}

/** A reply that could not be read. Ends nothing. */
export class Unreadable extends BaseEvent {
  get kind(): "unreadable" {
    return "unreadable";
  }

  /** Where and why. */
  get reason(): string {
    return this.text(TEXT_MSG) ?? "";
  }

  toJSON(): EventData {
    return { kind: this.kind, reason: this.reason };
  }
}

/** Every item of the batch has ended. */
export class BatchDone extends BaseEvent {
  get kind(): "batchDone" {
    return "batchDone";
  }

  /** The batch's number. */
  get batch(): number {
    return this.long(BATCH);
  }

  /** How its items ended. */
  get summary(): Summary {
    return {
      submitted: this.number(SUMMARY),
      accepted: this.number(SUMMARY + 1),
      refused: this.number(SUMMARY + 2),
      succeeded: this.number(SUMMARY + 3),
      failed: this.number(SUMMARY + 4),
      timedOut: this.number(SUMMARY + 5),
      cancelled: this.number(SUMMARY + 6),
    };
  }

  toJSON(): EventData {
    return { kind: this.kind, batch: this.batch, summary: this.summary };
  }
}

/** An item has ended. Every item ends with exactly one of these. */
export type Ended = Refused | Finished | TimedOut | Cancelled;

/** A reply that ends nothing. */
export type LateEvent = Late | Duplicate | Unknown | Unreadable;

/** Any event of a requester. `switch (event.kind)` tells them apart. */
export type Event = Accepted | Ended | LateEvent | BatchDone;

/** All events of a block. */
export function eventsOf(block: Block): Event[] {
  const events = new Array<Event>(block.events);
  let at = block.start;
  for (let index = 0; index < events.length; index += 1) {
    events[index] = eventOf(block, at);
    at = block.next(at);
  }
  return events;
}

const NewAccepted = makerOf(Accepted);
const NewRefused = makerOf(Refused);
const NewFinished = makerOf(Finished);
const NewTimedOut = makerOf(TimedOut);
const NewCancelled = makerOf(Cancelled);
const NewLate = makerOf(Late);
const NewDuplicate = makerOf(Duplicate);
const NewUnknown = makerOf(Unknown);
const NewUnreadable = makerOf(Unreadable);
const NewBatchDone = makerOf(BatchDone);

/** Each class is named where its object is made, so that V8 knows the class of every `new` and compiles it in place. */
function eventOf(block: Block, at: number): Event {
  switch (block.kind(at)) {
    case KIND_ACCEPTED:
      return new NewAccepted(block, at);
    case KIND_REFUSED:
      return new NewRefused(block, at);
    case KIND_FINISHED:
      return new NewFinished(block, at);
    case KIND_TIMED_OUT:
      return new NewTimedOut(block, at);
    case KIND_CANCELLED:
      return new NewCancelled(block, at);
    case KIND_LATE:
      return new NewLate(block, at);
    case KIND_DUPLICATE:
      return new NewDuplicate(block, at);
    case KIND_UNKNOWN:
      return new NewUnknown(block, at);
    case KIND_UNREADABLE:
      return new NewUnreadable(block, at);
    default:
      return new NewBatchDone(block, at);
  }
}
