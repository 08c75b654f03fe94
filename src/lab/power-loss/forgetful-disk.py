#!/usr/bin/env python3
"""A file system in memory that forgets what was not synced, as a disk does when the power fails.

    forgetful-disk.py MOUNTPOINT STATSFILE

It knows two states of everything: what processes see, and what is on the disk. A file's bytes get to the disk by fsync or fdatasync of the
file; a name (created, renamed, removed) by fsync of its folder. Making the folder ".forget-MODE-SEED" turns the power off and on: what processes
see is then what was on the disk. MODE is "all" (nothing unsynced survives) or "some" (each unsynced piece of 512 bytes, and the names of
each folder, survive or not as the SEED decides, since a real disk may have got to them). STATSFILE is told how much was lost.

Files that a process still has open must not be used after that: kill it first, as the power would.
"""
import errno
import json
import random
import stat
import sys
import time

try:
    from fusepy import FUSE, FuseOSError, Operations
except ImportError:
    from fuse import FUSE, FuseOSError, Operations

SECTOR = 512


class Node:
    def __init__(self, mode):
        now = time.time()
        self.mode = mode
        self.times = [now, now]
        self.links = 1


class File(Node):
    def __init__(self, mode):
        super().__init__(stat.S_IFREG | mode)
        self.seen = bytearray()
        self.disk = bytearray()
        self.dirty = []  # [from, to) of seen that the disk does not have
        self.resized = False

    def write(self, data, offset):
        end = offset + len(data)
        if len(self.seen) < offset:
            self.seen.extend(bytes(offset - len(self.seen)))
        self.seen[offset:end] = data
        if self.dirty and self.dirty[-1][1] == offset:
            self.dirty[-1] = (self.dirty[-1][0], end)
        else:
            self.dirty.append((offset, end))

    def truncate(self, size):
        if size < len(self.seen):
            del self.seen[size:]
        else:
            self.seen.extend(bytes(size - len(self.seen)))
        self.resized = True

    def sync(self):
        if self.resized:
            self.disk = bytearray(self.seen)
        else:
            for start, end in self.dirty:
                if len(self.disk) < start:
                    self.disk.extend(bytes(start - len(self.disk)))
                self.disk[start:end] = self.seen[start:end]
        self.dirty = []
        self.resized = False

    def forget(self, chance):
        """Returns how many bytes were lost."""
        lost = 0
        for start, end in self.dirty:
            for at in range(start - start % SECTOR, min(end, len(self.seen)), SECTOR):
                piece = slice(max(at, start), min(at + SECTOR, end, len(self.seen)))
                if chance is not None and chance.random() < 0.5 and piece.start <= len(self.disk):
                    self.disk[piece] = self.seen[piece]
                else:
                    lost += piece.stop - piece.start
        self.seen = bytearray(self.disk)
        self.dirty = []
        self.resized = False
        return lost


class Folder(Node):
    def __init__(self, mode):
        super().__init__(stat.S_IFDIR | mode)
        self.links = 2
        self.seen = {}
        self.disk = {}

    def sync(self):
        self.disk = dict(self.seen)

    def forget(self, chance):
        """Returns how many names were lost or came back."""
        if chance is not None and chance.random() < 0.5:
            self.disk = dict(self.seen)
        changed = sum(1 for name in self.seen.keys() | self.disk.keys() if self.seen.get(name) is not self.disk.get(name))
        self.seen = dict(self.disk)
        return changed


class ForgetfulDisk(Operations):
    def __init__(self, stats_file):
        self.root = Folder(0o700)
        self.open_files = {}
        self.next_handle = 1
        self.stats_file = stats_file
        self.stats = {"powerFailures": 0, "bytesLost": 0, "namesLost": 0, "syncs": 0}

    def find(self, path):
        node = self.root
        for name in path.split("/"):
            if name == "":
                continue
            if not isinstance(node, Folder):
                raise FuseOSError(errno.ENOTDIR)
            if name not in node.seen:
                raise FuseOSError(errno.ENOENT)
            node = node.seen[name]
        return node

    def parent(self, path):
        folder, _, name = path.rpartition("/")
        return self.find(folder), name

    def file(self, path, handle):
        return self.open_files.get(handle) or self.find(path)

    def opened(self, node):
        handle = self.next_handle
        self.next_handle += 1
        self.open_files[handle] = node
        return handle

    # Names

    def mkdir(self, path, mode):
        folder, name = self.parent(path)
        if name.startswith(".forget-"):
            _, how, seed = name.split("-")
            self.power_failure(None if how == "all" else random.Random(int(seed)))
            # The kernel looks for what it has made. It is gone with the next power failure.
        elif name in folder.seen:
            raise FuseOSError(errno.EEXIST)
        folder.seen[name] = Folder(mode)
        return 0

    def create(self, path, mode, fi=None):
        folder, name = self.parent(path)
        node = File(mode & 0o777)
        folder.seen[name] = node
        return self.opened(node)

    def unlink(self, path):
        folder, name = self.parent(path)
        if name not in folder.seen:
            raise FuseOSError(errno.ENOENT)
        del folder.seen[name]

    def rmdir(self, path):
        node = self.find(path)
        if node.seen:
            raise FuseOSError(errno.ENOTEMPTY)
        self.unlink(path)

    def rename(self, old, new):
        node = self.find(old)
        folder, name = self.parent(old)
        target, new_name = self.parent(new)
        del folder.seen[name]
        target.seen[new_name] = node

    def readdir(self, path, fh):
        return [".", "..", *self.find(path).seen]

    def getattr(self, path, fh=None):
        node = self.file(path, fh)
        size = len(node.seen) if isinstance(node, File) else 0
        times = {"st_atime": node.times[0], "st_mtime": node.times[1], "st_ctime": node.times[1]}
        return {"st_mode": node.mode, "st_nlink": node.links, "st_size": size, "st_uid": 0, "st_gid": 0, "st_blocks": (size + 511) // 512, **times}

    def chmod(self, path, mode):
        node = self.find(path)
        node.mode = stat.S_IFMT(node.mode) | mode
        return 0

    def chown(self, path, uid, gid):
        return 0

    def utimens(self, path, times=None):
        self.find(path).times = list(times or (time.time(), time.time()))
        return 0

    def statfs(self, path):
        return {"f_bsize": 4096, "f_frsize": 4096, "f_blocks": 1 << 22, "f_bfree": 1 << 21, "f_bavail": 1 << 21, "f_namemax": 255}

    # Bytes

    def open(self, path, flags):
        return self.opened(self.find(path))

    def read(self, path, size, offset, fh):
        return bytes(self.file(path, fh).seen[offset : offset + size])

    def write(self, path, data, offset, fh):
        self.file(path, fh).write(data, offset)
        return len(data)

    def truncate(self, path, length, fh=None):
        self.file(path, fh).truncate(length)

    def release(self, path, fh):
        self.open_files.pop(fh, None)
        return 0

    # The disk

    def fsync(self, path, datasync, fh):
        self.stats["syncs"] += 1
        self.file(path, fh).sync()
        return 0

    def fsyncdir(self, path, datasync, fh):
        self.stats["syncs"] += 1
        self.find(path).sync()
        return 0

    def flush(self, path, fh):
        # Closing a file syncs nothing.
        return 0

    def power_failure(self, chance):
        self.open_files.clear()
        self.stats["powerFailures"] += 1
        done = set()
        # What lost its name has lost its bytes too, as far as anyone can tell.
        before = self.count(self.root)
        waiting = [self.root]
        while waiting:
            node = waiting.pop()
            if id(node) in done:
                continue
            done.add(id(node))
            if isinstance(node, Folder):
                self.stats["namesLost"] += node.forget(chance)
                waiting.extend(node.seen.values())
            else:
                self.stats["bytesLost"] += node.forget(chance)
        after = self.count(self.root)
        self.stats["files"] = after
        self.stats["filesBefore"] = before
        with open(self.stats_file, "w", encoding="utf-8") as out:
            json.dump(self.stats, out)

    def count(self, folder):
        return sum(self.count(node) if isinstance(node, Folder) else 1 for node in folder.seen.values())


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit("Usage: forgetful-disk.py MOUNTPOINT STATSFILE")
    options = {"entry_timeout": 0, "attr_timeout": 0, "negative_timeout": 0}
    FUSE(ForgetfulDisk(sys.argv[2]), sys.argv[1], foreground=True, nothreads=True, direct_io=True, big_writes=True, hard_remove=True, **options)
