// The rules of one item as a service in JavaScript would write them by hand. The numbers and patterns are those of the
// protocol; peers.test.mjs compares every result with the engine's.

export const FORM = 1000;
export const CHANNEL_MISSING = 1000103;
export const MESSAGES = { 0: "SUCCESS", [FORM]: "para error", [CHANNEL_MISSING]: "control group does not exist" };

export const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_TIMEOUT_MS = 300_000;
const ID_BYTES = 128;
const CALLBACK_URL_BYTES = 2048;

const CHANNEL = /^DATASVC\.CONTROL\.[A-Za-z0-9_.-]{1,48}$/;
// Matches nearly every id: one that matches needs no other check.
const PLAIN_ID = /^[ -~]{1,128}$/;
const PLAIN_PART = /^[ !"%-*,\-.0-~][ !"$-*,\-.0-~]{0,127}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: it looks for them
const CONTROL = /[\x00-\x1f\x7f-\x9f]/;
const TOPIC_SIGN = /^\$|[+#/]/;

const isUnusable = (text) => !PLAIN_ID.test(text) && (Buffer.byteLength(text) > ID_BYTES || CONTROL.test(text));
const isUnusablePart = (text) =>
  !PLAIN_PART.test(text) && (Buffer.byteLength(text) > ID_BYTES || CONTROL.test(text) || TOPIC_SIGN.test(text));
const isText = (value) => value === undefined || value === null || typeof value === "string";

export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

/** Whether every field has a type that it may have: what a schema says as well. */
export function misfit(item) {
  for (const field of TEXTS) if (!isText(item[field])) return `${field}: must be a string`;
  const { gmtServiceRequest: gmt, inputData: input, timeout } = item;
  if (gmt !== undefined && gmt !== null && !Number.isInteger(gmt)) return "gmtServiceRequest: must be an integer";
  if (input !== undefined && input !== null && !isObject(input)) return "inputData: must be an object";
  if (timeout !== undefined && timeout !== null && !isTimeout(timeout)) return "timeout: must be an integer from 1 to 300000";
  return undefined;
}

const isTimeout = (value) => Number.isInteger(value) && value >= 1 && value <= MAX_TIMEOUT_MS;

export const TEXTS = [
  "requestId",
  "orgId",
  "controlChannelId",
  "productKey",
  "deviceKey",
  "assetId",
  "serviceId",
  "callbackUrl",
];

/** What is wrong first with an item whose fields have the right types: `[code, reason]`; faults of form come first. */
export function fault(item, org) {
  const { requestId, orgId, controlChannelId, productKey, deviceKey, assetId, serviceId, callbackUrl } = item;
  if (!requestId) return [FORM, "requestId: is missing or empty"];
  if (isUnusable(requestId)) return [FORM, "requestId: is too long or holds a control character"];
  if (orgId && orgId !== org) return [FORM, "orgId: differs from the orgId of the query"];
  if (!controlChannelId) return [FORM, "controlChannelId: is missing or empty"];
  if (assetId && isUnusable(assetId)) return [FORM, "assetId: is too long or holds a control character"];
  if (productKey && isUnusablePart(productKey)) return [FORM, "productKey: is too long or holds what no part of a topic may"];
  if (deviceKey && isUnusablePart(deviceKey)) return [FORM, "deviceKey: is too long or holds what no part of a topic may"];
  if (!assetId && !(productKey && deviceKey)) return [FORM, "assetId: is missing: no device is named"];
  if (!serviceId) return [FORM, "serviceId: is missing or empty"];
  if (isUnusablePart(serviceId)) return [FORM, "serviceId: is too long or holds what no part of a topic may"];
  if (callbackUrl && Buffer.byteLength(callbackUrl) > CALLBACK_URL_BYTES) return [FORM, "callbackUrl: is too long"];
  if (!CHANNEL.test(controlChannelId)) return [CHANNEL_MISSING, "controlChannelId: is no channel of this family"];
  return undefined;
}

/** The request ids that several items have. */
export function repeated(items) {
  const seen = new Set();
  const twice = new Set();
  for (const { requestId } of items) {
    if (typeof requestId !== "string" || requestId === "") continue;
    if (seen.has(requestId)) twice.add(requestId);
    seen.add(requestId);
  }
  return twice;
}
