/** A process of the bare loop. */
import { follow } from './follower.ts';
import { type LeaderOrder, lead } from './leader.ts';

const file = process.argv[2] as string;
process.on('disconnect', () => process.exit(0));
if (file === 'lead') process.on('message', (order: LeaderOrder) => void lead(order).then((result) => process.send?.(result)));
else follow(file);
