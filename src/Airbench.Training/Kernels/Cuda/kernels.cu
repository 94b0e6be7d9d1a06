// Max pooling, batch normalization and the activation after it, forward and backward, on bf16 (or fp16) images that are channels_last.
//
// Everything here is bound by the device's memory, so what counts is how often a tensor passes through it. A thread has eight channels
// (16 bytes) of a pixel; a block has a slice of at most 64 channels (a line of 128 bytes) and some rows. A row is a pixel of an image.
// Sums over rows are the same bits each time: each block's sums go to memory, and the last block of a slice adds them up in their order.
//
// The same text goes through NVRTC (no headers), clang (-x cuda, no headers) and, behind host.h, g++: there every kernel is tested.
// F16: fp16 instead of bf16.

typedef unsigned int u32;
typedef unsigned short u16;
typedef unsigned char u8;

#ifndef HOST
#ifndef __CUDACC_RTC__
#define __device__ __attribute__((device))
#define __global__ __attribute__((global))
#define __shared__ __attribute__((shared))
#define __launch_bounds__(threads, blocks) __attribute__((launch_bounds(threads, blocks)))
#define __forceinline__ inline __attribute__((always_inline))
#endif
#define DEVICE static __device__ __forceinline__
#define KERNEL(blocks) extern "C" __global__ void __launch_bounds__(THREADS, blocks)
#define SHARED __shared__
#define DEVICE_IN_CLASS __device__ __forceinline__
#endif

#define THREADS 256
#define EACH_OF_8 _Pragma("unroll") for (int k = 0; k < 8; k++)

struct alignas(16) V4 { u32 x, y, z, w; };

#ifndef HOST
DEVICE int thread() { int i; asm("mov.u32 %0, %%tid.x;" : "=r"(i)); return i; }
DEVICE int slice() { int i; asm("mov.u32 %0, %%ctaid.x;" : "=r"(i)); return i; }
DEVICE int block() { int i; asm("mov.u32 %0, %%ctaid.y;" : "=r"(i)); return i; }
DEVICE int blocks() { int i; asm("mov.u32 %0, %%nctaid.y;" : "=r"(i)); return i; }
DEVICE void barrier() { asm volatile("bar.sync 0;" ::: "memory"); }
DEVICE void fence() { asm volatile("membar.gl;" ::: "memory"); }
DEVICE u32 add_one(u32* counter) { u32 before; asm volatile("atom.global.add.u32 %0, [%1], 1;" : "=r"(before) : "l"(counter) : "memory"); return before; }
DEVICE float exchange(float x, int mask) { float y; asm volatile("shfl.sync.bfly.b32 %0, %1, %2, 0x1f, 0xffffffff;" : "=f"(y) : "f"(x), "r"(mask)); return y; }
DEVICE V4 load(const void* p) { V4 v; asm("ld.global.nc.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p)); return v; }
DEVICE u32 load_small(const u16* p) { u16 v; asm("ld.global.nc.u16 %0, [%1];" : "=h"(v) : "l"(p)); return v; }
DEVICE V4 load_once(const void* p) { V4 v; asm("ld.global.cs.nc.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p)); return v; }
DEVICE V4 load_others(const void* p) { V4 v; asm volatile("ld.global.cg.v4.u32 {%0, %1, %2, %3}, [%4];" : "=r"(v.x), "=r"(v.y), "=r"(v.z), "=r"(v.w) : "l"(p)); return v; }
DEVICE void store(void* p, V4 v) { asm volatile("st.global.v4.u32 [%0], {%1, %2, %3, %4};" :: "l"(p), "r"(v.x), "r"(v.y), "r"(v.z), "r"(v.w) : "memory"); }
DEVICE float as_float(u32 bits) { float x; asm("mov.b32 %0, %1;" : "=f"(x) : "r"(bits)); return x; }
DEVICE float power_of_2(float x) { float y; asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEVICE float reciprocal(float x) { float y; asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEVICE float maximum(float x, float y) { float z; asm("max.f32 %0, %1, %2;" : "=f"(z) : "f"(x), "f"(y)); return z; }
DEVICE float magnitude(float x) { float y; asm("abs.f32 %0, %1;" : "=f"(y) : "f"(x)); return y; }
DEVICE double square_root(double x) { double y; asm("sqrt.rn.f64 %0, %1;" : "=d"(y) : "d"(x)); return y; }
#ifdef F16
DEVICE void unpack2(u32 v, float& low, float& high) { asm("{.reg .b16 l, h; mov.b32 {l, h}, %2; cvt.f32.f16 %0, l; cvt.f32.f16 %1, h;}" : "=f"(low), "=f"(high) : "r"(v)); }
DEVICE u32 pack2(float low, float high) { u32 v; asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low)); return v; }
#else
DEVICE void unpack2(u32 v, float& low, float& high) { low = as_float(v << 16); high = as_float(v & 0xffff0000u); }
DEVICE u32 pack2(float low, float high) { u32 v; asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(v) : "f"(high), "f"(low)); return v; }
#endif
#else
DEVICE V4 load(const void* p) { return *(const V4*)p; }
DEVICE u32 load_small(const u16* p) { return *p; }
DEVICE V4 load_once(const void* p) { return *(const V4*)p; }
DEVICE V4 load_others(const void* p) { return *(const V4*)p; }
DEVICE void store(void* p, V4 v) { *(V4*)p = v; }
#endif

DEVICE void unpack(V4 v, float* f) { unpack2(v.x, f[0], f[1]); unpack2(v.y, f[2], f[3]); unpack2(v.z, f[4], f[5]); unpack2(v.w, f[6], f[7]); }
DEVICE V4 pack(const float* f) { V4 v; v.x = pack2(f[0], f[1]); v.y = pack2(f[2], f[3]); v.z = pack2(f[4], f[5]); v.w = pack2(f[6], f[7]); return v; }

DEVICE void load_floats(const float* p, float* f)
{
    V4 a = load(p), b = load(p + 4);
    f[0] = as_float(a.x); f[1] = as_float(a.y); f[2] = as_float(a.z); f[3] = as_float(a.w);
    f[4] = as_float(b.x); f[5] = as_float(b.y); f[6] = as_float(b.z); f[7] = as_float(b.w);
}

// Activations: z F(z), with F the distribution function of a symmetric distribution.

struct Gelu   // the normal distribution after Abramowitz and Stegun, 7.1.26: the error is at most 0.75e-7
{
    static DEVICE_IN_CLASS float tail(float z, float a, float& e)
    {
        e = power_of_2(z * z * -0.721347520f);
        float t = reciprocal(a * (0.3275911f * 0.70710678f) + 1.0f);
        float s = 0.5f * 1.061405429f;
        s = s * t + 0.5f * -1.453152027f;
        s = s * t + 0.5f * 1.421413741f;
        s = s * t + 0.5f * -0.284496736f;
        s = s * t + 0.5f * 0.254829592f;
        return s * t * e;
    }
    static DEVICE_IN_CLASS float value(float z)
    {
        float e, a = magnitude(z), above = tail(z, a, e);
        return maximum(z, 0.0f) - a * above;
    }
    static DEVICE_IN_CLASS float slope(float z)
    {
        float e, above = tail(z, magnitude(z), e);
        return z * (e * 0.398942280f) + (z >= 0.0f ? 1.0f - above : above);
    }
};

struct Silu
{
    static DEVICE_IN_CLASS float below(float z) { return reciprocal(1.0f + power_of_2(z * -1.44269504f)); }
    static DEVICE_IN_CLASS float value(float z) { return z * below(z); }
    static DEVICE_IN_CLASS float slope(float z) { float f = below(z); return z * f * (1.0f - f) + f; }
};

struct Same
{
    static DEVICE_IN_CLASS float value(float z) { return z; }
    static DEVICE_IN_CLASS float slope(float) { return 1.0f; }
};

// Rows and channels of a thread. 2^per_row threads share a row's slice.
struct Share
{
    int column, channel, first, step, end;
    DEVICE_IN_CLASS Share(int rows, int rows_per_block, int per_row)
    {
        column = thread() & ((1 << per_row) - 1);
        channel = ((slice() << per_row) + column) * 8;
        int start = block() * rows_per_block;
        first = start + (thread() >> per_row);
        step = THREADS >> per_row;
        end = start + rows_per_block;
        end = end < rows ? end : rows;
    }
};

// Adds sums[16] of all threads of all blocks of this slice up. True in the slice's last block: totals, in shared memory, has
// for each column the first eight and the second eight sums.
DEVICE bool combine(float* sums, int per_row, float* partials, u32* counters, double* totals)
{
    SHARED float of_warps[THREADS / 32][128];
    SHARED double of_groups[THREADS * 4];
    SHARED u32 is_last;
    const int i = thread(), lane = i & 31, width = 16 << per_row;
    for (int mask = 16; mask >= 1 << per_row; mask >>= 1)
    {
#pragma unroll
        for (int k = 0; k < 16; k++)
        {
            sums[k] += exchange(sums[k], mask);
        }
    }
    if (lane < 1 << per_row)
    {
#pragma unroll
        for (int k = 0; k < 16; k++)
        {
            of_warps[i >> 5][lane * 16 + k] = sums[k];
        }
    }
    barrier();
    float* all = partials + (long long)slice() * blocks() * width;
    if (i < width)
    {
        float sum = 0;
#pragma unroll
        for (int w = 0; w < THREADS / 32; w++)
        {
            sum += of_warps[w][i];
        }
        all[block() * width + i] = sum;
    }
    fence();
    barrier();
    if (i == 0)
    {
        is_last = add_one(counters + slice()) == (u32)blocks() - 1;
    }
    barrier();
    if (!is_last)
    {
        return false;
    }
    fence();
    const int columns = width / 4, column = i % columns, groups = THREADS / columns;
    double a = 0, b = 0, c = 0, d = 0;
    for (int g = i / columns; g < blocks(); g += 8 * groups)
    {
        V4 v[8];
#pragma unroll
        for (int j = 0; j < 8; j++)
        {
            v[j].x = v[j].y = v[j].z = v[j].w = 0;
            if (g + j * groups < blocks())
            {
                v[j] = load_others(all + (g + j * groups) * width + column * 4);
            }
        }
#pragma unroll
        for (int j = 0; j < 8; j++)
        {
            a += as_float(v[j].x);
            b += as_float(v[j].y);
            c += as_float(v[j].z);
            d += as_float(v[j].w);
        }
    }
    double* mine = of_groups + (i / columns) * width + column * 4;
    mine[0] = a;
    mine[1] = b;
    mine[2] = c;
    mine[3] = d;
    barrier();
    if (i < width)
    {
        double sum = 0;
        for (int g = 0; g < groups; g++)
        {
            sum += of_groups[g * width + i];
        }
        totals[i] = sum;
    }
    if (i == 0)
    {
        counters[slice()] = 0;   // for the next kernel
    }
    barrier();
    return true;
}

// The table has five numbers of each channel: z = x * [0] + [1] and the bias [2]; dx = [0] * dz + x * [3] + [4].
DEVICE void finish_moments(
    float* sums, const float* base, int rows, int channels, int per_row, float* partials, u32* counters,
    const float* bias, float* running_mean, float* running_variance, float* table, float momentum, float epsilon)
{
    SHARED double totals[128];
    SHARED float bases[64];
    const int i = thread();
    if (i < 1 << per_row)
    {
        EACH_OF_8 bases[i * 8 + k] = base[k];
    }
    if (!combine(sums, per_row, partials, counters, totals) || i >= 8 << per_row)
    {
        return;
    }
    const int c = (slice() << per_row) * 8 + i;
    const double* mine = totals + (i / 8) * 16 + i % 8;
    const double offset = mine[0] / rows, mean = bases[i] + offset;
    double variance = mine[8] / rows - offset * offset;
    variance = variance < 0 ? 0 : variance;
    const double scale = 1 / square_root(variance + epsilon);
    table[c] = (float)scale;
    table[channels + c] = (float)(bias[c] - mean * scale);
    table[2 * channels + c] = bias[c];
    running_mean[c] = (float)(running_mean[c] + momentum * (mean - running_mean[c]));
    running_variance[c] = (float)(running_variance[c] + momentum * (variance * rows / (rows > 1 ? rows - 1 : 1) - running_variance[c]));   // of the population
}

DEVICE void add_moments(const float* x, const float* base, float* sums)
{
    EACH_OF_8
    {
        float d = x[k] - base[k];
        sums[k] += d;
        sums[8 + k] += d * d;
    }
}

KERNEL(3) moments(
    const u16* x, int rows, int channels, int per_row, int rows_per_block, float* partials, u32* counters,
    const float* bias, float* running_mean, float* running_variance, float* table, float momentum, float epsilon)
{
    Share share(rows, rows_per_block, per_row);
    float sums[16] = {}, base[8];
    unpack(load(x + share.channel), base);   // any number near the mean keeps the variance from being a small difference of large sums
    for (int row = share.first; row < share.end; row += 4 * share.step)
    {
        V4 v[4];
#pragma unroll
        for (int j = 0; j < 4; j++)
        {
            int r = row + j * share.step;
            v[j] = load(x + (r < share.end ? r * channels : 0) + share.channel);   // the first row adds nothing
        }
#pragma unroll
        for (int j = 0; j < 4; j++)
        {
            float f[8];
            unpack(v[j], f);
            add_moments(f, base, sums);
        }
    }
    finish_moments(sums, base, rows, channels, per_row, partials, counters, bias, running_mean, running_variance, table, momentum, epsilon);
}

// Maxima of windows of two by two. Of equals the first counts, and what is no number is above all, as in libtorch.
DEVICE V4 pool_window(const u16* corner, int width, int channels, u32& places, float* best)
{
    V4 v[4];
    v[0] = load_once(corner);
    v[1] = load_once(corner + channels);
    v[2] = load_once(corner + width * channels);
    v[3] = load_once(corner + (width + 1) * channels);
    unpack(v[0], best);
    u32 place[8] = {};
#pragma unroll
    for (int j = 1; j < 4; j++)
    {
        float f[8];
        unpack(v[j], f);
        EACH_OF_8
        {
            bool above = f[k] > best[k] || f[k] != f[k];
            best[k] = above ? f[k] : best[k];
            place[k] = above ? (u32)j << (2 * k) : place[k];
        }
    }
    places = (place[0] | place[1] | place[2]) | (place[3] | place[4] | place[5]) | (place[6] | place[7]);
    return pack(best);   // exact
}

DEVICE int corner_of(int row, int height, int width, int out_height, int out_width)
{
    int above = row / out_width, ow = row - above * out_width;
    int n = above / out_height, oh = above - n * out_height;
    return (n * height + 2 * oh) * width + 2 * ow;   // in pixels
}

// Pooling, and the moments of what it gives. The places of eight maxima are two bits each.
KERNEL(3) pool_moments(
    const u16* x, u16* y, u16* places, int height, int width, int out_height, int out_width,
    int rows, int channels, int per_row, int rows_per_block, float* partials, u32* counters,
    const float* bias, float* running_mean, float* running_variance, float* table, float momentum, float epsilon)
{
    Share share(rows, rows_per_block, per_row);
    float sums[16] = {}, base[8];
    u32 place;
    pool_window(x + share.channel, width, channels, place, base);
    for (int row = share.first; row < share.end; row += share.step)
    {
        float best[8];
        int corner = corner_of(row, height, width, out_height, out_width);
        V4 v = pool_window(x + corner * channels + share.channel, width, channels, place, best);
        int at = row * channels + share.channel;
        store(y + at, v);
        places[at >> 3] = (u16)place;
        add_moments(best, base, sums);
    }
    finish_moments(sums, base, rows, channels, per_row, partials, counters, bias, running_mean, running_variance, table, momentum, epsilon);
}

template <class A>
DEVICE void apply(const u16* x, u16* y, int rows, int channels, int per_row, int rows_per_block, const float* table)
{
    Share share(rows, rows_per_block, per_row);
    float scale[8], shift[8];
    load_floats(table + share.channel, scale);
    load_floats(table + channels + share.channel, shift);
    for (int row = share.first; row < share.end; row += 4 * share.step)
    {
        V4 v[4];
#pragma unroll
        for (int j = 0; j < 4; j++)
        {
            int r = row + j * share.step;
            if (r < share.end)
            {
                v[j] = load(x + r * channels + share.channel);
            }
        }
#pragma unroll
        for (int j = 0; j < 4; j++)
        {
            int r = row + j * share.step;
            if (r < share.end)
            {
                float f[8];
                unpack(v[j], f);
                EACH_OF_8 f[k] = A::value(f[k] * scale[k] + shift[k]);
                store(y + r * channels + share.channel, pack(f));
            }
        }
    }
}

// Sums of dz and of dz * z. From them: the bias's gradient, and what the input's gradient needs.
template <class A>
DEVICE void slopes(
    const u16* x, const u16* dy, int rows, int channels, int per_row, int rows_per_block, float* partials, u32* counters, float* table, float* dbias)
{
    SHARED double totals[128];
    Share share(rows, rows_per_block, per_row);
    float sums[16] = {}, scale[8], shift[8];
    load_floats(table + share.channel, scale);
    load_floats(table + channels + share.channel, shift);
    for (int row = share.first; row < share.end; row += 2 * share.step)
    {
        V4 v[2], w[2];
#pragma unroll
        for (int j = 0; j < 2; j++)
        {
            int r = row + j * share.step;
            w[j].x = w[j].y = w[j].z = w[j].w = 0;
            v[j] = w[j];
            if (r < share.end)
            {
                v[j] = load(x + r * channels + share.channel);
                w[j] = load(dy + r * channels + share.channel);
            }
        }
#pragma unroll
        for (int j = 0; j < 2; j++)
        {
            float f[8], d[8];
            unpack(v[j], f);
            unpack(w[j], d);
            EACH_OF_8
            {
                float z = f[k] * scale[k] + shift[k];
                float dz = d[k] * A::slope(z);
                sums[k] += dz;
                sums[8 + k] += dz * z;
            }
        }
    }
    const int i = thread();
    if (!combine(sums, per_row, partials, counters, totals) || i >= 8 << per_row)
    {
        return;
    }
    const int c = (slice() << per_row) * 8 + i;
    const double* mine = totals + (i / 8) * 16 + i % 8;
    const double bias = table[2 * channels + c], a = table[c], b = table[channels + c];
    const double trend = -a * ((mine[8] - bias * mine[0]) / rows);   // dx = a dz + trend (z - bias) - a mean(dz)
    dbias[c] = (float)mine[0];
    table[3 * channels + c] = (float)(trend * a);
    table[4 * channels + c] = (float)(trend * (b - bias) - a * (mine[0] / rows));
}

struct Affine
{
    float scale[8], shift[8], slope[8], rest[8];
    DEVICE_IN_CLASS Affine(const float* table, int channels, int channel)
    {
        load_floats(table + channel, scale);
        load_floats(table + channels + channel, shift);
        load_floats(table + 3 * channels + channel, slope);
        load_floats(table + 4 * channels + channel, rest);
    }
    template <class A>
    DEVICE_IN_CLASS V4 gradient(V4 x, V4 dy) const
    {
        float f[8], d[8];
        unpack(x, f);
        unpack(dy, d);
        EACH_OF_8
        {
            float dz = d[k] * A::slope(f[k] * scale[k] + shift[k]);
            d[k] = dz * scale[k] + (f[k] * slope[k] + rest[k]);
        }
        return pack(d);
    }
};

template <class A>
DEVICE void gradient(const u16* x, const u16* dy, u16* dx, int rows, int channels, int per_row, int rows_per_block, const float* table)
{
    Share share(rows, rows_per_block, per_row);
    Affine affine(table, channels, share.channel);
    for (int row = share.first; row < share.end; row += 2 * share.step)
    {
        int at = row * channels + share.channel, next = at + share.step * channels;
        bool has_next = row + share.step < share.end;
        V4 x0 = load(x + at), dy0 = load(dy + at), x1 = x0, dy1 = dy0;
        if (has_next)
        {
            x1 = load(x + next);
            dy1 = load(dy + next);
        }
        store(dx + at, affine.gradient<A>(x0, dy0));
        if (has_next)
        {
            store(dx + next, affine.gradient<A>(x1, dy1));
        }
    }
}

// v where the maximum's place is here, 0 elsewhere.
DEVICE u32 select2(u32 v, u32 differs)
{
    return (differs & 3u ? 0u : v & 0xffffu) | (differs & 12u ? 0u : v & 0xffff0000u);
}

DEVICE V4 select(V4 v, u32 places, u32 here)
{
    u32 differs = places ^ (here * 0x5555u);
    V4 s;
    s.x = select2(v.x, differs);
    s.y = select2(v.y, differs >> 4);
    s.z = select2(v.z, differs >> 8);
    s.w = select2(v.w, differs >> 12);
    return s;
}

// Writes the gradient of a window of two by two, and zeros at an edge that no window covers.
DEVICE void spread(u16* dx, V4 v, u32 places, int row, int height, int width, int out_height, int out_width, int channels, int channel)
{
    int above = row / out_width, ow = row - above * out_width;
    int n = above / out_height, oh = above - n * out_height;
    u16* corner = dx + ((n * height + 2 * oh) * width + 2 * ow) * channels + channel;
    const int line = width * channels;
    store(corner, select(v, places, 0));
    store(corner + channels, select(v, places, 1));
    store(corner + line, select(v, places, 2));
    store(corner + line + channels, select(v, places, 3));
    V4 zero;
    zero.x = zero.y = zero.z = zero.w = 0;
    const bool right = ow == out_width - 1 && width > 2 * out_width, below = oh == out_height - 1 && height > 2 * out_height;
    if (right)
    {
        store(corner + 2 * channels, zero);
        store(corner + line + 2 * channels, zero);
    }
    if (below)
    {
        store(corner + 2 * line, zero);
        store(corner + 2 * line + channels, zero);
    }
    if (right && below)
    {
        store(corner + 2 * line + 2 * channels, zero);
    }
}

template <class A>
DEVICE void pool_gradient(
    const u16* x, const u16* dy, const u16* places, u16* dx, int height, int width, int out_height, int out_width,
    int rows, int channels, int per_row, int rows_per_block, const float* table)
{
    Share share(rows, rows_per_block, per_row);
    Affine affine(table, channels, share.channel);
    for (int row = share.first; row < share.end; row += share.step)
    {
        int at = row * channels + share.channel;
        V4 v = load(x + at), w = load(dy + at);
        u32 place = places[at >> 3];
        spread(dx, affine.gradient<A>(v, w), place, row, height, width, out_height, out_width, channels, share.channel);
    }
}

// With running statistics: the table of apply and pool_apply.
KERNEL(4) freeze(const float* bias, const float* mean, const float* variance, float* table, int channels, float epsilon)
{
    const int c = block() * THREADS + thread();
    if (c < channels)
    {
        const double scale = 1 / square_root((double)variance[c] + epsilon);
        table[c] = (float)scale;
        table[channels + c] = (float)(bias[c] - mean[c] * scale);
    }
}

template <class A>
DEVICE void pool_apply(
    const u16* x, u16* y, int height, int width, int out_height, int out_width, int rows, int channels, int per_row, int rows_per_block, const float* table)
{
    Share share(rows, rows_per_block, per_row);
    float scale[8], shift[8];
    load_floats(table + share.channel, scale);
    load_floats(table + channels + share.channel, shift);
    for (int row = share.first; row < share.end; row += share.step)
    {
        float best[8];
        u32 places;
        pool_window(x + corner_of(row, height, width, out_height, out_width) * channels + share.channel, width, channels, places, best);
        EACH_OF_8 best[k] = A::value(best[k] * scale[k] + shift[k]);
        store(y + row * channels + share.channel, pack(best));
    }
}

#define WITH_ACTIVATION(name, A) \
    KERNEL(4) pool_apply_##name( \
        const u16* x, u16* y, int height, int width, int out_height, int out_width, int rows, int channels, int per_row, int rows_per_block, const float* table) \
    { pool_apply<A>(x, y, height, width, out_height, out_width, rows, channels, per_row, rows_per_block, table); } \
    KERNEL(4) apply_##name(const u16* x, u16* y, int rows, int channels, int per_row, int rows_per_block, const float* table) \
    { apply<A>(x, y, rows, channels, per_row, rows_per_block, table); } \
    KERNEL(3) slopes_##name( \
        const u16* x, const u16* dy, int rows, int channels, int per_row, int rows_per_block, float* partials, u32* counters, float* table, float* dbias) \
    { slopes<A>(x, dy, rows, channels, per_row, rows_per_block, partials, counters, table, dbias); } \
    KERNEL(3) gradient_##name(const u16* x, const u16* dy, u16* dx, int rows, int channels, int per_row, int rows_per_block, const float* table) \
    { gradient<A>(x, dy, dx, rows, channels, per_row, rows_per_block, table); } \
    KERNEL(3) pool_gradient_##name( \
        const u16* x, const u16* dy, const u16* places, u16* dx, int height, int width, int out_height, int out_width, \
        int rows, int channels, int per_row, int rows_per_block, const float* table) \
    { pool_gradient<A>(x, dy, places, dx, height, width, out_height, out_width, rows, channels, per_row, rows_per_block, table); }

WITH_ACTIVATION(gelu, Gelu)
WITH_ACTIVATION(silu, Silu)
WITH_ACTIVATION(same, Same)

// Pooling alone, in windows of any size up to 15: a byte for each place.
KERNEL(4) pool(
    const u16* x, u16* y, u8* places, int height, int width, int out_height, int out_width, int size,
    int rows, int channels, int per_row, int rows_per_block)
{
    Share share(rows, rows_per_block, per_row);
    for (int row = share.first; row < share.end; row += share.step)
    {
        int above = row / out_width, ow = row - above * out_width;
        int n = above / out_height, oh = above - n * out_height;
        const u16* corner = x + ((n * height + size * oh) * width + size * ow) * channels + share.channel;
        float best[8];
        u32 place[8] = {};
        unpack(load_once(corner), best);
        for (int i = 1, dy = 0, dx = 1; i < size * size; i++, dx++)
        {
            if (dx == size)
            {
                dx = 0;
                dy++;
            }
            float f[8];
            unpack(load_once(corner + (dy * width + dx) * channels), f);
            EACH_OF_8
            {
                bool is_above = f[k] > best[k] || f[k] != f[k];
                best[k] = is_above ? f[k] : best[k];
                place[k] = is_above ? (u32)i : place[k];
            }
        }
        int at = row * channels + share.channel;
        store(y + at, pack(best));
        u32* p = (u32*)(places + at);
        p[0] = place[0] | place[1] << 8 | place[2] << 16 | place[3] << 24;
        p[1] = place[4] | place[5] << 8 | place[6] << 16 | place[7] << 24;
    }
}

DEVICE u32 keep2(u32 v, u32 differs)
{
    return (differs & 0xffu ? 0u : v & 0xffffu) | (differs & 0xff00u ? 0u : v & 0xffff0000u);
}

// A row is a pixel of dx.
KERNEL(4) unpool(
    const u16* dy, const u8* places, u16* dx, int height, int width, int out_height, int out_width, int size,
    int rows, int channels, int per_row, int rows_per_block)
{
    Share share(rows, rows_per_block, per_row);
    for (int row = share.first; row < share.end; row += share.step)
    {
        int above = row / width, w = row - above * width;
        int n = above / height, h = above - n * height;
        int oh = h / size, ow = w / size;
        V4 v;
        v.x = v.y = v.z = v.w = 0;
        if (oh < out_height && ow < out_width)
        {
            int at = ((n * out_height + oh) * out_width + ow) * channels + share.channel;
            u32 here = (u32)((h - oh * size) * size + w - ow * size) * 0x01010101u;
            const u32* p = (const u32*)(places + at);
            u32 first = p[0] ^ here, second = p[1] ^ here;
            v = load(dy + at);
            v.x = keep2(v.x, first);
            v.y = keep2(v.y, first >> 16);
            v.z = keep2(v.z, second);
            v.w = keep2(v.w, second >> 16);
        }
        store(dx + row * channels + share.channel, v);
    }
}

// The whitening layer: convolution 2 x 2 of three channels, bias, activation. Its weight (out, 2, 2, 3) does not learn.

struct Filters
{
    float weight[8][12], bias[8];
    DEVICE_IN_CLASS Filters(const float* all, const float* biases, int channel)
    {
        EACH_OF_8
        {
_Pragma("unroll")
            for (int i = 0; i < 12; i += 2)
            {
                const float* pair = all + (channel + k) * 12 + i;
                unpack2(pack2(pair[0], pair[1]), weight[k][i], weight[k][i + 1]);   // in the type of the images, as libtorch has them
            }
        }
        load_floats(biases + channel, bias);
    }
    // The convolution at a pixel of the output, counted through all images.
    DEVICE_IN_CLASS void at(const u16* x, int pixel, int height, int width, float* z) const
    {
        int line = pixel / (width - 1), n = line / (height - 1);
        const u16* corner = x + (pixel + line + n * width) * 3;
        float patch[12];
#pragma unroll
        for (int i = 0; i < 6; i += 2)
        {
            unpack2(load_small(corner + i) | load_small(corner + i + 1) << 16, patch[i], patch[i + 1]);
            unpack2(load_small(corner + width * 3 + i) | load_small(corner + width * 3 + i + 1) << 16, patch[6 + i], patch[7 + i]);
        }
        EACH_OF_8
        {
            z[k] = bias[k];
#pragma unroll
            for (int i = 0; i < 12; i++)
            {
                z[k] += weight[k][i] * patch[i];
            }
        }
    }
};

// channels / 8 threads side by side have a pixel: what they write is contiguous.
template <class A>
DEVICE void whiten(const u16* x, u16* y, const float* weight, const float* bias, int height, int width, int pixels, int channels, int pixels_per_block, int threads)
{
    const int parts = channels / 8, part = thread() % parts, step = threads / parts;
    const int end = (block() + 1) * pixels_per_block < pixels ? (block() + 1) * pixels_per_block : pixels;
    Filters filters(weight, bias, part * 8);
    for (int pixel = block() * pixels_per_block + thread() / parts; pixel < end; pixel += step)
    {
        float z[8];
        filters.at(x, pixel, height, width, z);
        EACH_OF_8 z[k] = A::value(z[k]);
        store(y + pixel * channels + part * 8, pack(z));
    }
}

template <class A>
DEVICE void whiten_slopes(
    const u16* x, const u16* dy, const float* weight, const float* bias, int height, int width,
    int rows, int channels, int per_row, int rows_per_block, float* partials, u32* counters, float* dbias)
{
    SHARED double totals[128];
    Share share(rows, rows_per_block, per_row);   // per_row is 0: a slice has eight channels
    Filters filters(weight, bias, share.channel);
    float sums[16] = {};
    for (int row = share.first; row < share.end; row += share.step)
    {
        float z[8], d[8];
        unpack(load(dy + row * channels + share.channel), d);
        filters.at(x, row, height, width, z);
        EACH_OF_8 sums[k] += d[k] * A::slope(z[k]);
    }
    if (combine(sums, per_row, partials, counters, totals) && thread() < 8)
    {
        dbias[share.channel + thread()] = (float)totals[thread()];
    }
}

#define WHITEN(name, A) \
    KERNEL(1) whiten_##name( \
        const u16* x, u16* y, const float* weight, const float* bias, int height, int width, int pixels, int channels, int pixels_per_block, int threads) \
    { whiten<A>(x, y, weight, bias, height, width, pixels, channels, pixels_per_block, threads); } \
    KERNEL(1) whiten_slopes_##name( \
        const u16* x, const u16* dy, const float* weight, const float* bias, int height, int width, \
        int rows, int channels, int per_row, int rows_per_block, float* partials, u32* counters, float* dbias) \
    { whiten_slopes<A>(x, dy, weight, bias, height, width, rows, channels, per_row, rows_per_block, partials, counters, dbias); }

WHITEN(gelu, Gelu)
WHITEN(silu, Silu)
WHITEN(same, Same)
