/**
 * Records and how they are laid out: `record-batch.ts` (Kafka's RecordBatch v2: build, validate, pack, visit), `control.ts` (batches that
 * brokers write for one another), `frame.ts` (our header before each batch, on disk and between brokers), `producer.ts` (producer ids and
 * request ids), `room.ts` (room for the header before it is known). It leaves out compression, and what a batch means to a state machine.
 */
export * from './control.ts';
export * from './frame.ts';
export * from './producer.ts';
export * from './record-batch.ts';
export * from './room.ts';
