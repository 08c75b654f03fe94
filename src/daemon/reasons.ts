const words: Readonly<Record<string, string>> = {
  EACCES: 'not permitted',
  EPERM: 'not permitted',
  EROFS: 'it is on a file system that is read-only',
  ENOSPC: 'no space is left on its disk',
  ENOTDIR: 'a part of its path is not a folder',
  EEXIST: 'it is a file',
  ENOENT: 'a folder cannot be made there',
  ENAMETOOLONG: 'its name is too long',
  ELOOP: 'its path goes in a circle',
};

/** What the machine says of a folder that cannot be used, in words. */
export function folderReason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return words[code ?? ''] ?? message;
}

/** The same for a text that begins with the machine's code, as errors of the disk do: `EROFS: read-only file system, open ...`. */
export function folderReasonOfText(text: string): string {
  return words[/^([A-Z]+): /.exec(text)?.[1] ?? ''] ?? text;
}
