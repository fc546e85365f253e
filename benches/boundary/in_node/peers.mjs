// The alternatives: `JSON.parse`, checks by hand or a schema for ajv, and `JSON.stringify`.

import { Ajv } from "ajv";

import { DEFAULT_TIMEOUT_MS, fault, FORM, isObject, MESSAGES, misfit, repeated, TEXTS } from "./rules.mjs";

/** Types by a schema, the rest by hand: a schema cannot say that two items may not have the same id. */
const text = { type: "string", nullable: true };
const schema = {
  type: "object",
  properties: {
    ...Object.fromEntries(TEXTS.map((field) => [field, text])),
    inputData: { type: "object", nullable: true },
    timeout: { type: "integer", nullable: true, minimum: 1, maximum: 300_000 },
    gmtServiceRequest: { type: "integer", nullable: true },
  },
};
const isOfSchema = new Ajv({ strict: false }).compile(schema);

export const PEERS = {
  "JSON + hand checks": (items, facts) => respond(items, facts, misfit),
  ajv: (items, facts) => respond(items, facts, (item) => (isOfSchema(item) ? undefined : said(isOfSchema.errors))),
};

/** A text in, the response as text. */
export function respondText(peer, body, facts) {
  return JSON.stringify(PEERS[peer](JSON.parse(body).data, facts));
}

/** Bytes in, the response in a buffer that is used again. */
export function respondInto(peer, body, out, facts) {
  return out.write(respondText(peer, body.toString(), facts));
}

function respond(items, { orgId, epochMs }, misfitOf) {
  const twice = repeated(items);
  const data = items.map((item) => {
    const wrong = twice.has(item.requestId)
      ? [FORM, "requestId: is used by several items of this batch"]
      : check(item, orgId, misfitOf);
    return reply(item, wrong, epochMs);
  });
  return { status: 0, msg: "Success", submsg: null, data };
}

function check(item, orgId, misfitOf) {
  const reason = misfitOf(item);
  return reason === undefined ? fault(item, orgId) : [FORM, reason];
}

function said([error]) {
  return `${error.instancePath.slice(1)}: ${error.message}`;
}

/** The item as it comes back, with all 20 fields. */
function reply(item, wrong, epochMs) {
  const echo = wrong === undefined ? item : echoes(item);
  const { serviceId = null, gmtServiceRequest: gmt } = echo;
  const { timeout } = item;
  const code = wrong === undefined ? 0 : wrong[0];
  return {
    requestId: echo.requestId ?? null,
    messageId: null,
    requestMethod: serviceId === null ? null : `thing.service.${serviceId}`,
    callType: "ASYNC",
    controlChannelId: echo.controlChannelId ?? null,
    productKey: echo.productKey || null,
    deviceKey: echo.deviceKey || null,
    assetId: echo.assetId || null,
    serviceName: null,
    serviceId,
    callbackUrl: echo.callbackUrl ?? null,
    inputData: echo.inputData ?? null,
    outputData: {},
    status: code,
    msg: MESSAGES[code],
    submsg: wrong === undefined ? null : wrong[1],
    timeout: timeout === undefined || timeout === null ? DEFAULT_TIMEOUT_MS : Number.isInteger(timeout) ? timeout : null,
    gmtServiceRequest: gmt > 0 ? gmt : epochMs,
    gmtServiceReply: epochMs,
    gmtDeviceReply: -1,
  };
}

/** The fields of a refused item that are echoed: those of the right type. */
function echoes(item) {
  const echo = {};
  for (const field of TEXTS) if (typeof item[field] === "string") echo[field] = item[field];
  if (isObject(item.inputData)) echo.inputData = item.inputData;
  if (Number.isInteger(item.gmtServiceRequest)) echo.gmtServiceRequest = item.gmtServiceRequest;
  return echo;
}
