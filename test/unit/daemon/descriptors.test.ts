import { expect, test } from 'vitest';
import { descriptorsMax, fitHttp, fitConnections } from '../../../src/daemon/descriptors.ts';
import { defaultHttpSettings } from '../../../src/gateway/http/index.ts';
import { defaultLineSettings } from '../../../src/gateway/lines/index.ts';

test('bounds of connections that the descriptors carry stay as they are', () => {
  expect(fitHttp(defaultHttpSettings, 20_000)).toEqual(defaultHttpSettings);
  expect(fitHttp(defaultHttpSettings, Number.POSITIVE_INFINITY)).toEqual(defaultHttpSettings);
  expect(fitConnections(defaultLineSettings, 40_000)).toEqual(defaultLineSettings);
});

test('with few descriptors connections take half of them, one address a quarter, nodes a quarter', () => {
  expect(fitHttp(defaultHttpSettings, 1024)).toEqual({ ...defaultHttpSettings, connectionsMax: 512, connectionsPerAddressMax: 256 });
  expect(fitConnections(defaultLineSettings, 1024)).toEqual({ ...defaultLineSettings, connectionsMax: 256 });
});

test('a bound that was set lower than that is kept', () => {
  const settings = { ...defaultHttpSettings, connectionsMax: 600, connectionsPerAddressMax: 10 };

  expect(fitHttp(settings, 1024)).toEqual({ ...settings, connectionsMax: 512 });
});

test('this process knows how many it may have', () => {
  expect(descriptorsMax()).toBeGreaterThan(0);
});
