/**
 * A topic of several partitions as one thing, over the port, which knows one partition at a time. `DividedAppends` takes records for the topic and appends
 * each to its partition: by its key, and those without a key in turn. `MergedReader` reads all partitions and gives their batches in order of log time.
 * `encodePlaces` makes of a place in each partition the text that stands for a place in the topic.
 *
 * Free of the machine; a gateway, a client and the simulator go through it. It leaves out which partitions there are: whoever asks knows how many.
 */
export { divideBatch } from './divide.ts';
export { type Divided, DividedAppends, failureOf, type Part } from './divided-appends.ts';
export { MergedReader, type MergedReaderOptions } from './merged-reader.ts';
export { requestIdIn } from './request-id.ts';
export { decodePlaces, encodePlaces, isPlaces, type PartitionPlace, placesAround } from './places.ts';
