/* The CRC-32 of Ethernet: by carry-less multiplication, by ARM's instructions, or from tables.
 *
 * The register holds a polynomial over GF(2) modulo P of degree below 32, reflected: bit 31 is the
 * coefficient of x^0. Folding: a block of 128 bits that is D bits ahead of another one can be
 * replaced by its two halves, multiplied by x^D modulo P, added to the other. In the reflected
 * order a product of 64 by 33 bits comes out one bit to the left, hence the constants `fold_by`.
 * The last 16 octets and whatever is left over go through the tables.
 */

#include "_kernel.h"

#define POLYNOMIAL 0xEDB88320u
#define ONE 0x80000000u

static uint32_t table[8][256];
static uint32_t powers[32];
/* x^(2^n) modulo P */

uint32_t crc_multiply(uint32_t a, uint32_t b)
{
    uint32_t product = 0;

    for (uint32_t bit = ONE; bit != 0; bit >>= 1) {
        if (a & bit)
            product ^= b;
        b = b & 1 ? b >> 1 ^ POLYNOMIAL : b >> 1;
    }
    return product;
}

/* x^exponent modulo P. */
uint32_t crc_power(uint32_t exponent)
{
    uint32_t product = ONE;

    for (int n = 0; exponent != 0; n++, exponent >>= 1)
        if (exponent & 1)
            product = crc_multiply(product, powers[n]);
    return product;
}

static uint32_t by_table(uint32_t reg, const uint8_t *data, size_t octets)
{
    for (; octets >= 8; data += 8, octets -= 8) {
        reg ^= (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
               (uint32_t)data[3] << 24;
        reg = table[7][reg & 0xFF] ^ table[6][reg >> 8 & 0xFF] ^ table[5][reg >> 16 & 0xFF] ^
              table[4][reg >> 24] ^ table[3][data[4]] ^ table[2][data[5]] ^ table[1][data[6]] ^
              table[0][data[7]];
    }
    for (; octets > 0; data++, octets--)
        reg = reg >> 8 ^ table[0][(reg ^ *data) & 0xFF];
    return reg;
}

/* The ways that this machine can go, each quicker than the one before. */
static struct {
    const char *name;
    uint32_t (*update)(uint32_t, const uint8_t *, size_t);
} ways[3] = {{"tables", by_table}};
static size_t last_way;

static inline void offer(
    const char *name, uint32_t (*update)(uint32_t, const uint8_t *, size_t))
{
    ways[++last_way].name = name;
    ways[last_way].update = update;
}

#if defined(__x86_64__) && (defined(__GNUC__) || defined(__clang__))

#include <immintrin.h>

static uint64_t fold_128[2], fold_512[2], fold_2048[2];

static void fold_by(uint64_t constants[2], uint32_t bits)
{
    constants[0] = (uint64_t)crc_power(bits + 32) << 1;
    constants[1] = (uint64_t)crc_power(bits - 32) << 1;
}

#define NARROW __attribute__((target("pclmul,sse4.1")))
#define WIDE __attribute__((target("avx512f,vpclmulqdq,pclmul")))

static NARROW inline __m128i load(const uint8_t *data)
{
    return _mm_loadu_si128((const __m128i *)(const void *)data);
}

static NARROW inline __m128i fold(__m128i ahead, __m128i constants, __m128i behind)
{
    __m128i low = _mm_clmulepi64_si128(ahead, constants, 0x00);
    __m128i high = _mm_clmulepi64_si128(ahead, constants, 0x11);

    return _mm_xor_si128(_mm_xor_si128(low, high), behind);
}

/* The rest of a message of which `sum` stands for all before `data`. */
static NARROW uint32_t finish(__m128i sum, const uint8_t *data, size_t octets)
{
    const __m128i constants = load((const uint8_t *)fold_128);
    uint8_t last[16];

    for (; octets >= 16; data += 16, octets -= 16)
        sum = fold(sum, constants, load(data));
    _mm_storeu_si128((__m128i *)(void *)last, sum);
    return by_table(by_table(0, last, 16), data, octets);
}

static NARROW uint32_t by_pclmul(uint32_t reg, const uint8_t *data, size_t octets)
{
    const __m128i constants = load((const uint8_t *)fold_512);
    __m128i sum[4];

    if (octets < 64)
        return by_table(reg, data, octets);
    for (int lane = 0; lane < 4; lane++)
        sum[lane] = load(data + 16 * lane);
    sum[0] = _mm_xor_si128(sum[0], _mm_cvtsi32_si128((int)reg));
    for (data += 64, octets -= 64; octets >= 64; data += 64, octets -= 64)
        for (int lane = 0; lane < 4; lane++)
            sum[lane] = fold(sum[lane], constants, load(data + 16 * lane));
    for (int lane = 1; lane < 4; lane++)
        sum[lane] = fold(sum[lane - 1], load((const uint8_t *)fold_128), sum[lane]);
    return finish(sum[3], data, octets);
}

static WIDE inline __m512i fold_wide(__m512i ahead, __m512i constants, __m512i behind)
{
    __m512i low = _mm512_clmulepi64_epi128(ahead, constants, 0x00);
    __m512i high = _mm512_clmulepi64_epi128(ahead, constants, 0x11);

    return _mm512_ternarylogic_epi64(low, high, behind, 0x96);
}

static WIDE uint32_t by_vpclmul(uint32_t reg, const uint8_t *data, size_t octets)
{
    __m512i constants, sum[4];
    __m128i narrow;

    if (octets < 512)
        return by_pclmul(reg, data, octets);
    constants = _mm512_broadcast_i32x4(load((const uint8_t *)fold_2048));
    for (int lane = 0; lane < 4; lane++)
        sum[lane] = _mm512_loadu_si512(data + 64 * lane);
    sum[0] = _mm512_xor_si512(sum[0], _mm512_zextsi128_si512(_mm_cvtsi32_si128((int)reg)));
    for (data += 256, octets -= 256; octets >= 256; data += 256, octets -= 256)
        for (int lane = 0; lane < 4; lane++)
            sum[lane] = fold_wide(sum[lane], constants, _mm512_loadu_si512(data + 64 * lane));
    constants = _mm512_broadcast_i32x4(load((const uint8_t *)fold_512));
    for (int lane = 1; lane < 4; lane++)
        sum[lane] = fold_wide(sum[lane - 1], constants, sum[lane]);
    for (; octets >= 64; data += 64, octets -= 64)
        sum[3] = fold_wide(sum[3], constants, _mm512_loadu_si512(data));
    narrow = _mm512_extracti32x4_epi32(sum[3], 0);
    narrow = fold(narrow, load((const uint8_t *)fold_128), _mm512_extracti32x4_epi32(sum[3], 1));
    narrow = fold(narrow, load((const uint8_t *)fold_128), _mm512_extracti32x4_epi32(sum[3], 2));
    narrow = fold(narrow, load((const uint8_t *)fold_128), _mm512_extracti32x4_epi32(sum[3], 3));
    return finish(narrow, data, octets);
}

static void choose(void)
{
    fold_by(fold_128, 128);
    fold_by(fold_512, 512);
    fold_by(fold_2048, 2048);
    __builtin_cpu_init();
    if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1")) {
        offer("PCLMULQDQ", by_pclmul);
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq"))
            offer("VPCLMULQDQ", by_vpclmul);
    }
}

#elif defined(__aarch64__) && defined(__linux__)

#include <arm_acle.h>
#include <sys/auxv.h>

#ifndef HWCAP_CRC32
#define HWCAP_CRC32 (1 << 7)
#endif

__attribute__((target("+crc"))) static uint32_t by_crc32(
    uint32_t reg, const uint8_t *data, size_t octets)
{
    for (; octets >= 8; data += 8, octets -= 8) {
        uint64_t word;

        memcpy(&word, data, 8);
        reg = __crc32d(reg, word);
    }
    for (; octets > 0; data++, octets--)
        reg = __crc32b(reg, *data);
    return reg;
}

static void choose(void)
{
    if (getauxval(AT_HWCAP) & HWCAP_CRC32)
        offer("CRC32", by_crc32);
}

#else

static void choose(void)
{
}

#endif

void crc_start(void)
{
    for (uint32_t octet = 0; octet < 256; octet++) {
        uint32_t reg = octet;

        for (int bit = 0; bit < 8; bit++)
            reg = reg & 1 ? reg >> 1 ^ POLYNOMIAL : reg >> 1;
        table[0][octet] = reg;
    }
    for (int slice = 1; slice < 8; slice++)
        for (int octet = 0; octet < 256; octet++) {
            uint32_t reg = table[slice - 1][octet];

            table[slice][octet] = reg >> 8 ^ table[0][reg & 0xFF];
        }
    last_way = 0;
    powers[0] = ONE >> 1;
    for (int n = 1; n < 32; n++)
        powers[n] = crc_multiply(powers[n - 1], powers[n - 1]);
    choose();
}

uint32_t crc_update(uint32_t reg, const uint8_t *data, size_t octets)
{
    return ways[last_way].update(reg, data, octets);
}

/* The same by a way of the caller's choice, for the tests; -1 if there is none of that number. */
int crc_update_by(size_t way, uint32_t *reg, const uint8_t *data, size_t octets)
{
    if (way > last_way)
        return -1;
    *reg = ways[way].update(*reg, data, octets);
    return 0;
}

const char *crc_method(size_t way)
{
    return way <= last_way ? ways[way].name : NULL;
}
