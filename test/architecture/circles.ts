// Circles of files: those that import one another, directly or around several corners, cannot be read, tested or moved one by one. Imports of types
// count too, and so do imports for their effects and those that are made later.
import path from 'node:path';
import ts from 'typescript';

/**
 * One circle of each knot of files, as a path that ends where it began; the shortest from the knot's first file.
 * @param sources text by path, with slashes
 */
export function findCircles(sources: ReadonlyMap<string, string>): string[][] {
  const imports = new Map([...sources].map(([file, text]) => [file, importsOf(file, text).filter((target) => sources.has(target))]));
  const circles: string[][] = [];
  const told = new Set<string>();
  for (const file of [...imports.keys()].toSorted()) {
    const circle = told.has(file) ? undefined : shortestWayBack(file, imports);
    if (circle === undefined) continue;
    circles.push(circle);
    for (const each of knotOf(file, imports)) told.add(each);
  }
  return circles;
}

function importsOf(file: string, text: string): string[] {
  const { importedFiles } = ts.preProcessFile(text, true, true);
  const relative = importedFiles.map(({ fileName }) => fileName).filter((name) => name.startsWith('.'));
  return [...new Set(relative.map((name) => path.posix.join(path.posix.dirname(file), name)))];
}

function shortestWayBack(start: string, imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const cameFrom = reach(start, imports);
  if (!cameFrom.has(start)) return undefined;
  const way = [start];
  for (let at = cameFrom.get(start) as string; at !== start; at = cameFrom.get(at) as string) way.unshift(at);
  return [start, ...way];
}

/** All files on circles with this one: those that it reaches and that reach it. */
function knotOf(file: string, imports: ReadonlyMap<string, readonly string[]>): string[] {
  return [...reach(file, imports).keys()].filter((each) => reach(each, imports).has(file));
}

/** What a file leads to, each with the file that leads there on a shortest way. Itself only if it is on a circle. */
function reach(start: string, imports: ReadonlyMap<string, readonly string[]>): Map<string, string> {
  const cameFrom = new Map<string, string>();
  const queue = [start];
  for (const at of queue) {
    for (const target of imports.get(at) ?? []) {
      if (cameFrom.has(target)) continue;
      cameFrom.set(target, at);
      queue.push(target);
    }
  }
  return cameFrom;
}
