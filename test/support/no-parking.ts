import { systemBytes } from '../../src/system/bytes.ts';

/** What a coordinator needs for records that fail, where none do. */
export const noParking = {
  bytes: systemBytes,
  retrying: { waitMs: 1000, waitMsMax: 8000, triesMax: 4 },
  parkedLog: {
    place: null,
    append: () => {
      throw new Error('nothing is to be parked');
    },
    read: () => {
      throw new Error('nothing is parked');
    },
  },
};

export const fewOfEach = {
  publishers: 9,
  subscribers: 9,
  subscriptions: 9,
  cursors: 9,
  groupCursors: 9,
  retries: 9,
  groupRetries: 9,
  parked: 9,
  groupParked: 9,
  groupMetadata: 100,
};
