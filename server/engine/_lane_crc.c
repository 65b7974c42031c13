/* The CRC-32 of zlib (ISO 3309), eight octets at a time: a fingerprint is of at most a KiB. */

#include "_lane.h"

enum { TABLES = 8 };

static uint32_t tables[TABLES][256];

void lane_prepare_crc32(void)
{
    for (uint32_t i = 0; i < 256; i++) {
        uint32_t crc = i;

        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
        tables[0][i] = crc;
    }
    for (uint32_t i = 0; i < 256; i++)
        for (int table = 1; table < TABLES; table++)
            tables[table][i] = tables[table - 1][i] >> 8 ^ tables[0][tables[table - 1][i] & 0xff];
}

uint32_t lane_crc32(const unsigned char *octets, Py_ssize_t size)
{
    uint32_t crc = 0xffffffffu;

    for (; size >= TABLES; size -= TABLES, octets += TABLES) {
        uint32_t low = crc ^ (octets[0] | (uint32_t)octets[1] << 8 | (uint32_t)octets[2] << 16
                              | (uint32_t)octets[3] << 24);

        crc = tables[7][low & 0xff] ^ tables[6][low >> 8 & 0xff] ^ tables[5][low >> 16 & 0xff]
              ^ tables[4][low >> 24] ^ tables[3][octets[4]] ^ tables[2][octets[5]]
              ^ tables[1][octets[6]] ^ tables[0][octets[7]];
    }
    for (; size > 0; size--)
        crc = crc >> 8 ^ tables[0][(crc ^ *octets++) & 0xff];
    return ~crc;
}
