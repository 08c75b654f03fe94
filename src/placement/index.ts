/**
 * Where partitions are placed and how requests find them, as pure functions: nothing here knows a real broker, a clock or a link. A broker is its place in
 * the sorted list of ids, from 0: a vertex of a `Cube` (`cube.ts`), whose edges are the links that always exist.
 *
 * `placeOnCube` (`hypercube.ts`) places a partition by the rules of contract 3, `placeOnRing` (`ring.ts`) by consistent hashing, `partitionOfKey`
 * (`partitioner.ts`) gives a record's partition as Kafka's clients do. `nextHop` (`routes.ts`) is what each broker decides about a request for another,
 * `routeBetween` the whole way. `explainPlace` (`explain.ts`) says why.
 *
 * It leaves out who lives, what was placed where once (a placement is decided when a topic is created), and words: brokers and commands have those.
 */
export { type Cube, dimensionsOf, distanceBetween, type Holds, labelOf, makeCube } from './cube.ts';
export { explainPlace } from './explain.ts';
export { type CubePlaceOptions, digestOf, placeOnCube, replicationDefault } from './hypercube.ts';
export { murmur2, partitionOfKey } from './partitioner.ts';
export { makeRing, placeOnRing, pointsPerBroker, type Ring } from './ring.ts';
export { hopsTo, nextHop, type Route, routeBetween, unreachable } from './routes.ts';
