/** The examples of contract 3, on eight brokers. */
import { makeCube } from '../../placement/index.ts';

export const contractCube = makeCube(8);

export const contractHomes: Readonly<Record<string, string>> = {
  news: '100',
  cricket: '111',
  topic1: '101',
  topic2: '110',
  topic4: '101',
  topic6: '110',
  topic8: '111',
  topic16: '010',
  topic19: '010',
};
