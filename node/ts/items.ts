// Types of items to send, and of what goes with them.

/** The two families of commands: call a service of a device, or write a value to a measure point. */
export type Family = "invoke" | "write";

/** A value that JSON can represent. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Fields of both families. A field that is null or `""` counts as absent. */
interface CommonItem {
  /** The correlation key, at most 128 bytes; a requester gives a UUIDv7 to an item without one. */
  readonly requestId?: string | null;
  /** The org; the one of the call if left out. */
  readonly orgId?: string | null;
  /** Ignored: the service always works as with `"ASYNC"`. */
  readonly callType?: string | null;
  /** The device, by its asset id; it takes precedence over the two keys. */
  readonly assetId?: string | null;
  /** The device, by the key of its product … */
  readonly productKey?: string | null;
  /** … and its key within the product. */
  readonly deviceKey?: string | null;
  /** Milliseconds from receipt to the deadline, 1 to 300,000; the service's default is 30,000. */
  readonly timeout?: number | null;
  /** Echoed, never fetched. */
  readonly callbackUrl?: string | null;
  /** When the application made the request, epoch milliseconds; for information only. */
  readonly gmtServiceRequest?: number | null;
}

/** A call of a service of a device. */
export interface InvokeItem extends CommonItem {
  /** The channel where the outcome is to arrive; starts with `DATASVC.CONTROL.`. */
  readonly controlChannelId?: string | null;
  /** The service. */
  readonly serviceId: string;
  /** The arguments, by name. */
  readonly inputData?: { readonly [name: string]: unknown } | null;
  readonly measurepointId?: never;
  readonly setMeasurepointChannelId?: never;
}

/** A value for a measure point of a device. */
export interface WriteItem extends CommonItem {
  /** The channel where the outcome is to arrive; starts with `DATASVC.SET.`. */
  readonly setMeasurepointChannelId?: string | null;
  /** The measure point. */
  readonly measurepointId: string;
  /** The value, under any one key; the published samples use `arg`. */
  readonly inputData: { readonly [name: string]: unknown };
  readonly serviceId?: never;
  readonly controlChannelId?: never;
}

/** An item of that family. */
export type ItemOf<F extends Family> = F extends "invoke" ? InvokeItem : WriteItem;

/** The body of a batch: JSON as bytes or text, or a list of items. */
export type BatchOf<F extends Family> = Uint8Array | string | readonly ItemOf<F>[];

/** Bounds on the cost of reading one message. The engine's defaults stand for those left out. */
export interface Limits {
  /** Largest batch body, in bytes; 8 MiB. */
  readonly bodyBytes?: number;
  /** Largest response or channel message, in bytes; 32 MiB. */
  readonly replyBytes?: number;
  /** Most items in one batch, or replies in one message; 10,000. */
  readonly items?: number;
  /** Deepest nesting of objects and arrays, the outermost one counted as 1; 128, at most 1,024. */
  readonly depth?: number;
  /** Largest `inputData` or `outputData`, in bytes as written; 64 KiB. */
  readonly payloadBytes?: number;
  /** Largest answer of a device, in bytes; 256 KiB. */
  readonly answerBytes?: number;
}

/** One reading of both clocks. */
export interface Now {
  /** Milliseconds on a clock that is not affected by steps of the wall clock and goes on while the machine is suspended. */
  readonly monotonicMs: number;
  /** Milliseconds since the Unix epoch. */
  readonly epochMs: number;
}
