// What the package exports of the client.

export { type CallOptions, type Channel, type ChannelList, type Channels, familyOf } from "./channels.js";
export { Client } from "./client.js";
export {
  CallRefusedError,
  ClientError,
  ClosedError,
  NoChannelError,
  NotListeningError,
  SettingError,
  SourceEndedError,
  SourceError,
  UnreachableError,
  UnreadableError,
} from "./errors.js";
export type { ChannelEvent, ClientEvents, Feed, LateReply, Stats } from "./feeds.js";
export type { Fetch } from "./http.js";
export {
  type BatchOptions,
  type ItemsOptions,
  type Outcomes,
  type Progress,
  type ResultRecord,
  Results,
} from "./outcomes.js";
export type { ClientOptions } from "./settings.js";
export type { ChannelSource, SourceChange, SourceEvent, SourceLike } from "./sources/events.js";
