/**
 * Lines on their way into a topic, whatever brings them: how they are found in a stream of bytes, what time they bear, and how they become records that
 * are stored once, in order. Free of the machine: over `eventlog/`'s port in callbacks and `host/`'s clock.
 */
export { EventReader } from './event.ts';
export { LineSplitter } from './line-splitter.ts';
export { type SessionPlace, type SessionStream, TopicStore, type TopicStoreOptions } from './topic-store.ts';
