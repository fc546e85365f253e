// What the types allow and what they refuse; checked by the compiler and never run.

import {
  BatchDone,
  check,
  type Ended,
  type Event,
  type InvokeItem,
  type ItemOf,
  type Outcome,
  Requester,
  type WriteItem,
} from "setpoint";
import { type BadReply, Reply, readMessage } from "setpoint/wire";

const invoke: InvokeItem = { assetId: "a", serviceId: "start", timeout: null, requestId: null, callbackUrl: null };
const write: WriteItem = { assetId: "a", measurepointId: "power", inputData: { arg: 1 } };
const either: ItemOf<"write"> = write;

// @ts-expect-error: a measure point is of the other family
const mixed: InvokeItem = { ...invoke, measurepointId: "power" };
// @ts-expect-error: a service is of the other family
const mixedToo: WriteItem = { ...write, serviceId: "start" };
// @ts-expect-error: a service has to be named
const targetless: InvokeItem = { assetId: "a" };
// @ts-expect-error: a channel is of the other family
const channel: WriteItem = { ...write, controlChannelId: "DATASVC.CONTROL.ops" };

check([invoke], { orgId: "o1" });
check([write], { orgId: "o1", family: "write" });
check(new Uint8Array(), { orgId: "o1" });
// @ts-expect-error: writes are not the family that is meant if none is named
check([write], { orgId: "o1" });
// @ts-expect-error: invokes are not writes
check([invoke], { orgId: "o1", family: "write" });
// @ts-expect-error: an org has to be named
check([invoke], {});
// @ts-expect-error: there are two families
check("{}", { orgId: "o1", family: "read" });
// @ts-expect-error: limits are known by name
check("{}", { orgId: "o1", limits: { bodySize: 1 } });

const requester = new Requester("o1", { limits: { items: 10 }, openItems: undefined });
requester.submit([invoke], { defaults: { controlChannelId: "DATASVC.CONTROL.ops" } });
requester.submit([write], { family: "write", defaults: { setMeasurepointChannelId: "DATASVC.SET.ops" } });
// @ts-expect-error: defaults are of the family
requester.submit([write], { family: "write", defaults: { controlChannelId: "DATASVC.CONTROL.ops" } });

/** Every kind, and what it has. */
function told(event: Event): string | number | null {
  switch (event.kind) {
    case "accepted":
      // @ts-expect-error: an accepted item has no outcome yet
      return event.outcome;
    case "refused":
      return event.refusal.submsg;
    case "finished": {
      const outcome: Outcome = event.outcome;
      return outcome.code;
    }
    case "timedOut":
      // @ts-expect-error: perhaps nothing came at all
      return event.outcome.code;
    case "cancelled":
      return event.code;
    case "late":
      return event.outcome.gmtDeviceReply;
    case "duplicate":
      return event.conflict ? event.index : event.requestId;
    case "unknown":
      // @ts-expect-error: it is of no batch
      return event.batch;
    case "unreadable":
      return event.reason;
    case "batchDone":
      return event.summary.timedOut;
    default:
      return event satisfies never;
  }
}

/** What ends an item has the same getters. */
function ended(event: Ended): [boolean, number | null, string | null, string | null, Record<string, unknown> | null] {
  return [event.ok, event.code, event.msg, event.submsg, event.output];
}

const [event] = requester.pollEvents();
if (event instanceof BatchDone) {
  // @ts-expect-error: a batch has no index
  event.index;
}
// @ts-expect-error: what an event says does not change
if (event?.kind === "finished") event.index = 1;

const [reply]: (Reply | BadReply)[] = readMessage("{}");
if (reply instanceof Reply) reply.text satisfies string;

export { channel, either, ended, mixed, mixedToo, targetless, told };
