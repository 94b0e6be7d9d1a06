// Runs kernels.cu on a CPU, to test it: a block's threads are fibers that take turns at barriers and exchanges, blocks follow each other.
// The kernels' text comes after this, then what is at the end of host.cpp.

#include <cmath>
#include <cstdint>
#include <cstring>
#include <tuple>
#include <ucontext.h>
#include <utility>
#include <vector>

#define DEVICE static inline
#define DEVICE_IN_CLASS inline
#define KERNEL(blocks) static void
#define SHARED static

namespace host
{
    constexpr size_t Stack = 64 * 1024;
    struct Fiber { ucontext_t context; std::vector<char> stack; bool done; };
    static std::vector<Fiber> fibers;
    static ucontext_t main_context;
    static int current, count, block_x, block_y, grid_y;
    static void (*body)(void*);
    static void* state;
    static uint32_t slots[1024];

    static void next()   // the next thread that is not through, or back to the launch
    {
        int from = current;
        for (int i = 1; i <= count; i++)
        {
            int to = (from + i) % count;
            if (!fibers[to].done)
            {
                current = to;
                if (to != from)
                {
                    swapcontext(&fibers[from].context, &fibers[to].context);
                }
                return;
            }
        }
        setcontext(&main_context);
    }

    static void start()
    {
        body(state);
        fibers[current].done = true;
        next();
    }

    static void launch(int slices, int blocks, int threads, void (*kernel)(void*), void* arguments)
    {
        body = kernel;
        state = arguments;
        count = threads;
        grid_y = blocks;
        fibers.resize(threads);
        for (block_y = 0; block_y < blocks; block_y++)
        {
            for (block_x = 0; block_x < slices; block_x++)
            {
                for (auto& fiber : fibers)
                {
                    fiber.stack.resize(Stack);
                    fiber.done = false;
                    getcontext(&fiber.context);
                    fiber.context.uc_stack.ss_sp = fiber.stack.data();
                    fiber.context.uc_stack.ss_size = Stack;
                    fiber.context.uc_link = nullptr;
                    makecontext(&fiber.context, start, 0);
                }
                current = 0;
                volatile bool started = false;
                getcontext(&main_context);
                if (!started)
                {
                    started = true;
                    setcontext(&fibers[0].context);
                }
            }
        }
    }

    template <class... A, size_t... I>
    static void call(void (*kernel)(A...), void** arguments, std::index_sequence<I...>) { kernel(*(A*)arguments[I]...); }

    template <class... A>
    static void call(void (*kernel)(A...), void** arguments) { call(kernel, arguments, std::index_sequence_for<A...>()); }
}

#define ENTRY(name) \
    extern "C" void launch_##name(int slices, int blocks, int threads, void** arguments) \
    { host::launch(slices, blocks, threads, [](void* a) { host::call(name, (void**)a); }, arguments); }

DEVICE int thread() { return host::current; }
DEVICE int slice() { return host::block_x; }
DEVICE int block() { return host::block_y; }
DEVICE int blocks() { return host::grid_y; }
DEVICE void barrier() { host::next(); }
DEVICE void fence() { }
DEVICE uint32_t add_one(uint32_t* counter) { return (*counter)++; }
DEVICE float as_float(uint32_t bits) { float x; memcpy(&x, &bits, 4); return x; }
DEVICE uint32_t as_bits(float x) { uint32_t bits; memcpy(&bits, &x, 4); return bits; }
DEVICE float exchange(float x, int mask)
{
    host::slots[thread()] = as_bits(x);
    barrier();
    float y = as_float(host::slots[thread() ^ mask]);
    barrier();
    return y;
}
DEVICE float power_of_2(float x) { return exp2f(x); }
DEVICE float reciprocal(float x) { return 1.0f / x; }
DEVICE float maximum(float x, float y) { return fmaxf(x, y); }
DEVICE float magnitude(float x) { return fabsf(x); }
DEVICE double square_root(double x) { return sqrt(x); }

#ifdef F16
DEVICE float unpack1(uint32_t h) { uint16_t bits = (uint16_t)h; _Float16 x; memcpy(&x, &bits, 2); return (float)x; }
DEVICE uint32_t pack1(float f) { _Float16 x = (_Float16)f; uint16_t bits; memcpy(&bits, &x, 2); return bits; }
#else
DEVICE float unpack1(uint32_t h) { return as_float(h << 16); }
DEVICE uint32_t pack1(float f) { uint32_t bits = as_bits(f); return f != f ? 0x7fffu : (bits + 0x7fffu + ((bits >> 16) & 1)) >> 16; }
#endif
DEVICE void unpack2(uint32_t v, float& low, float& high) { low = unpack1(v & 0xffffu); high = unpack1(v >> 16); }
DEVICE uint32_t pack2(float low, float high) { return pack1(low) | pack1(high) << 16; }
