// A disk that lies compressed in a file: gzdisk SOCKET FILE MEBIBYTES
//
// The file is a log of chunks, each compressed by zlib, of which the latest counts. Nothing is ever given back.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <targe.h>
#include <unistd.h>
#include <zlib.h>

enum { kChunk = 65536, kMostBytes = kChunk + 1024 };
struct record { uint64_t chunk, length; };  // in front of that many compressed bytes
static struct {
    int file;
    off_t end;
    off_t* where;           // of each chunk's latest record, plus 1; 0: none
    uint64_t held;          // the chunk in `bytes`
    uint8_t bytes[kChunk];
} disk;
static targe_device* device;

static int hold(uint64_t chunk) {
    uint8_t in[sizeof(struct record) + kMostBytes];
    struct record record;
    uLongf length = kChunk;
    if (disk.held == chunk) return 0;
    disk.held = UINT64_MAX;
    memset(disk.bytes, 0, kChunk);
    if (disk.where[chunk] != 0) {
        const ssize_t got = pread(disk.file, in, sizeof in, disk.where[chunk] - 1);
        if (got < (ssize_t)sizeof record) return -EIO;
        memcpy(&record, in, sizeof record);
        if (record.length > (uint64_t)got - sizeof record ||
            uncompress(disk.bytes, &length, in + sizeof record, record.length) != Z_OK)
            return -EIO;
    }
    disk.held = chunk;
    return 0;
}

static int store(void) {
    uint8_t out[sizeof(struct record) + kMostBytes];
    uLongf length = kMostBytes;
    compress2(out + sizeof(struct record), &length, disk.bytes, kChunk, 1);
    memcpy(out, &(struct record){disk.held, length}, sizeof(struct record));
    const size_t size = sizeof(struct record) + length;
    errno = EIO;
    if (pwrite(disk.file, out, size, disk.end) != (ssize_t)size) return disk.held = UINT64_MAX, -errno;
    disk.where[disk.held] = disk.end + 1;
    disk.end += (off_t)size;
    return 0;
}

static int flush(void* context, struct targe_io* io) {
    (void)context, (void)io;
    return fdatasync(disk.file) == 0 ? 0 : -EIO;
}

static int move(struct targe_io* io, int writes) {
    int result = 0;
    for (uint64_t done = 0, part; done < io->length && result == 0; done += part) {
        const uint64_t at = io->offset + done, skip = at % kChunk;
        uint8_t* const theirs = (uint8_t*)io->data + done;
        part = io->length - done < kChunk - skip ? io->length - done : kChunk - skip;
        result = hold(at / kChunk);
        if (result == 0) memcpy(writes ? disk.bytes + skip : theirs, writes ? theirs : disk.bytes + skip, part);
        if (result == 0 && writes) result = store();
    }
    return result == 0 && (io->flags & TARGE_IO_DURABLE) ? flush(NULL, io) : result;
}
static int read_blocks(void* context, struct targe_io* io) { return (void)context, move(io, 0); }
static int write_blocks(void* context, struct targe_io* io) { return (void)context, move(io, 1); }
static void stop(int number) { (void)number, targe_stop(device); }

int main(int argc, char** argv) {
    const uint64_t size = argc == 4 ? strtoull(argv[3], NULL, 10) << 20 : 0;
    if (size == 0) return fprintf(stderr, "usage: gzdisk SOCKET FILE MEBIBYTES\n"), 2;
    disk.file = open(argv[2], O_RDWR | O_CREAT, 0600);
    disk.where = calloc(size / kChunk, sizeof *disk.where);
    disk.held = UINT64_MAX;
    struct record record;
    // What a crash has cut off, or left as zeroes, is written over; a record that is damaged is seen when it is read.
    while (pread(disk.file, &record, sizeof record, disk.end) == sizeof record && record.chunk < size / kChunk &&
           record.length > 0 && record.length <= kMostBytes && disk.end + (off_t)(sizeof record + record.length) <= lseek(disk.file, 0, SEEK_END)) {
        disk.where[record.chunk] = disk.end + 1;
        disk.end += (off_t)(sizeof record + record.length);
    }
    const struct targe_block_ops ops = {.struct_size = sizeof ops, .read = read_blocks, .write = write_blocks, .flush = flush};
    const struct targe_attachment how = {.struct_size = sizeof how, .socket = argv[1], .name = "gzdisk 1", .size = size, .block_ops = &ops, .reattach = 1};
    char error[256];
    device = targe_attach(&how, 10000, error, sizeof error);
    if (device == NULL) return fprintf(stderr, "gzdisk: %s\n", error), 1;
    signal(SIGTERM, stop);
    const int ended = targe_run(device);
    return targe_detach(device), ended == 0 ? 0 : 1;
}
