/* Every driver that has threads, on each instruction set, called by several threads at once, each of which changes how many threads it asks
   for, for ThreadSanitizer to look at. See test_threads.py. */
#include <pthread.h>
#include <stdio.h>
#include "minigoog.h"
#include "threads.h"

static void convolution(const struct mg_machine *machine)
{
    const struct mg_conv s = {4, 18, 18, 32, 3, 3, 1, 1, 1, 1, 16, 16, 48, 32, 48, 4, .activation = 1};
    const size_t weights = 9 * 32 * 48, outputs = 4 * 16 * 16;
    float *x = floats(4 * 18 * 18 * 32), *w = floats(weights), *bias = floats(48), *y = floats(outputs * 48), *dw = floats(weights);

    float *panels = floats(mg_panels_size(9 * 32, 48, machine));
    mg_pack_weights(9 * 32, 48, w, bias, panels, machine);
    mg_conv2d_direct(&s, x, panels, NULL, y, machine);
    mg_conv2d_weight_direct(&s, x, y, dw, floats(mg_conv2d_weight_scratch(&s, machine)), machine);

    for (size_t side = 2; side <= 4; side += 2) {
        struct mg_conv tiles = s;
        tiles.side = side;
        float *transformed = floats(mg_winograd_panels_size(side, 3, 32, 48, machine));
        mg_winograd_pack(side, 3, 32, 48, w, transformed, machine);
        mg_conv2d_winograd(&tiles, x, transformed, bias, NULL, y, floats(mg_conv2d_winograd_scratch(&tiles, machine)), machine);
    }
    mg_conv2d_weight_winograd(&s, x, y, dw, floats(mg_conv2d_weight_winograd_scratch(&s, machine)), machine);

    mg_flip_weights(3, 3, 32, 48, w, dw, machine);
    const struct mg_place canvas = {4, 18, 18, 32, 32, 1, 1, 1, 1, 20, 20};
    mg_place(&canvas, x, floats(4 * 20 * 20 * 32), machine);
    float *columns = floats(outputs * 9 * 32);
    mg_im2col(&s, x, columns, machine);
    mg_col2im(&s, columns, x, machine);
    mg_column_sums(outputs, 48, y, 48, floats(mg_column_sums_scratch(outputs, 48)), bias, machine);
}

static void depthwise(const struct mg_machine *machine)
{
    const struct mg_depthwise s = {4, 16, 16, 48, 3, 3, 1, 1, 1, 1, 1, 1, 16, 16, 48, 48, MG_RELU, 0, 0, 48};
    float *x = floats(4 * 16 * 16 * 48), *w = floats(9 * 48), *y = floats(4 * 16 * 16 * 48);
    mg_depthwise(&s, x, w, w, x, y, machine);
    mg_depthwise_weight(&s, x, y, w, floats(mg_depthwise_weight_scratch(&s)), machine);
}

/* Every second column of every row, as CSR (block 1) or for every block of 16 rows. */
static void sparse(size_t block, const struct mg_machine *machine)
{
    const struct mg_sparse_conv s = {4, 16, 16, 32, 3, 3, 1, 1, 1, 1, 16, 16, 48, 32, 48, block, 1, MG_RELU, 0, 0, 0};
    const struct mg_conv padded = {4, 18, 18, 32, 3, 3, 1, 1, 1, 1, 16, 16, 48, 32, 48, 0, .activation = 1};
    const size_t rows = 48 / block, in_row = 9 * 32 / 2, entries = rows * in_row;
    int32_t *starts = malloc((rows + 1) * sizeof *starts), *columns = malloc(entries * sizeof *columns), *offsets = malloc((entries + 4) * sizeof *offsets);
    for (size_t i = 0; i <= rows; i++)
        starts[i] = (int32_t)(i * in_row);
    for (size_t e = 0; e < entries; e++)
        columns[e] = (int32_t)(e % in_row * 2);
    float *x = floats(4 * 18 * 18 * 32), *y = floats(4 * 16 * 16 * 48), *values = floats(entries * block), *bias = floats(48);
    mg_sparse_offsets(&s, entries, columns, offsets, machine);
    mg_sparse_conv2d_weight(&s, x, starts, offsets, y, values, floats(mg_sparse_conv2d_weight_scratch(&s, entries, machine)), machine);
    if (block == 1) {
        mg_sparse_conv2d(&s, x, starts, offsets, values, bias, NULL, y, floats(mg_sparse_conv2d_scratch(&s, machine)), machine);
        mg_sparse_conv2d_textbook(&padded, x, starts, columns, values, bias, y, machine); /* any offsets in the first row of a window will do */
    } else {
        mg_sparse_conv2d_block(&padded, block, x, starts, columns, values, bias, NULL, y, machine);
    }
}

static void batch_norm(const struct mg_machine *machine)
{
    const size_t rows = 1000, c = 48;
    float *x = floats(rows * c), *y = floats(rows * c), *scratch = floats(mg_batch_norm_scratch(rows, c)), *of_channels = floats(6 * c);
    float *mean = of_channels, *gamma = of_channels + 2 * c, *dgamma = of_channels + 4 * c;
    mg_batch_norm(rows, c, x, c, gamma, gamma + c, 1e-5f, 1, scratch, mean, mean + c, y, c, machine);
    mg_batch_norm_backward(rows, c, x, c, y, c, mean, mean + c, gamma, gamma + c, 1e-5f, 1, scratch, dgamma, dgamma + c, y, c, machine);
}

static void pooling(const struct mg_machine *machine)
{
    const struct mg_pool s = {4, 18, 18, 32, 3, 3, 2, 2, 0, 0, 0, 0, 1, 1, 0, 9, 9, 32, 32};
    float *x = floats(4 * 18 * 18 * 32), *y = floats(4 * 9 * 9 * 32);
    int32_t *index = malloc(4 * 9 * 9 * 32 * sizeof *index);
    mg_max_pool2d(&s, x, y, index, machine);
    mg_max_pool2d(&s, x, y, NULL, machine);
    mg_max_pool2d_backward(&s, y, index, x, machine);
    mg_avg_pool2d(&s, x, y, machine);
    mg_avg_pool2d_backward(&s, y, x, machine);
}

/* Maps on which every third channel of each pixel is on. */
static void cooccurrences(const struct mg_machine *machine)
{
    const struct mg_maps s = {2, 12, 12, 48, 1};
    const size_t pixels = 2 * 12 * 12, in_pixel = 48 / 3;
    int32_t *starts = malloc((pixels + 1) * sizeof *starts), *channels = malloc(pixels * in_pixel * sizeof *channels);
    for (size_t p = 0; p <= pixels; p++)
        starts[p] = (int32_t)(p * in_pixel);
    for (size_t e = 0; e < pixels * in_pixel; e++)
        channels[e] = (int32_t)(e % in_pixel * 3);
    mg_cooccurrences(&s, starts, channels, malloc(48 * 9 * 48 * sizeof *channels), machine);
}

static void segments(const struct mg_machine *machine)
{
    const struct mg_graph s = {60, 50, 3, 0.1f, 4};
    int32_t *labels = malloc(60 * 50 * sizeof *labels);
    uint64_t *scratch = malloc(mg_graph_segments_scratch(&s, machine) * sizeof *scratch);
    const size_t n = mg_graph_segments(&s, floats(60 * 50 * 3), labels, scratch, machine);
    const struct mg_histograms counted = {60 * 50, 24, 4, n};
    mg_region_histograms(&counted, labels, calloc(24, 60 * 50), malloc(n * 24 * 4 * sizeof *labels), machine);
}

static void the_rest(const struct mg_machine *machine)
{
    const size_t rows = 1000, c = 100;
    float *x = floats(rows * c), *y = floats(rows * c), *losses = floats(rows);
    int64_t *labels = calloc(rows, sizeof *labels);
    for (int activation = 0; activation < MG_ACTIVATIONS; activation++) {
        const struct mg_elementwise s = {rows, c, c, c, c, activation, 1, 1}, dense = {1, rows * c, rows * c, rows * c, rows * c, activation, 1, 1};
        mg_activation(&dense, x, x, machine);
        mg_activation_backward(&s, x, y, y, machine);
        mg_add(&s, x, y, y, machine);
        mg_copy(&s, x, y, machine);
    }
    const struct mg_elementwise s = {rows, c, c, c, c, MG_NONE, 1, 1};
    const struct mg_affine affine = {1, rows, c, c, 0, c, .activation = MG_RELU};
    mg_relu_sums(&s, x, y, y, floats(mg_column_sums_scratch(rows, c)), losses, machine);
    mg_affine(&affine, x, losses, losses, y, machine);
    mg_channel_shuffle(&s, 4, x, y, machine);
    mg_lrn(&s, 5, x, y, machine);
    mg_average(rows * c, 0.1f, x, y, machine);
    mg_dropout(rows * c, 3, 5, 1u << 30, 2, x, x, machine);
    mg_sgd(rows * c, 0.1f, 0.9f, 0.1f, 1, x, y, floats(rows * c), machine);
    mg_softmax(rows, c, x, y, machine);
    mg_softmax_backward(rows, c, y, x, y, machine);
    mg_cross_entropy(rows, c, x, labels, y, losses, machine);
    mg_cross_entropy_backward(rows, c, y, labels, 1, y, machine);
    mg_peak(100, machine);
}

/* A plan that all callers share, with its weights and its input; each has an arena, an output and scratch: two calls for all images, and
   a group of three for each, two of them in strips. */
static struct {
    struct mg_call calls[5];
    float *constants, *x;
} plan;

static void make_plan(const struct mg_machine *machine)
{
    const struct mg_conv winograd = {4, 18, 18, 32, 3, 3, 1, 1, 1, 1, 16, 16, 48, 32, 48, 4, .activation = 1}, pointwise = {4, 16, 16, 48, 1, 1, 1, 1, 1, 1, 16, 16, 48, 48, 48, 0, .activation = 0};
    const size_t first = mg_winograd_panels_size(4, 3, 32, 48, machine);
    float *w = floats(9 * 32 * 48);
    plan.constants = floats(first + mg_panels_size(48, 48, machine) + 9 * 48);
    plan.x = floats(4 * 18 * 18 * 32);
    mg_winograd_pack(4, 3, 32, 48, w, plan.constants, machine);
    mg_pack_weights(48, 48, w, NULL, plan.constants + first, machine);
    plan.calls[0] = (struct mg_call){.kernel = MG_CONV2D_WINOGRAD, .images = 1, .x = {MG_INPUT, 0, 0}, .w = {MG_CONSTANTS, 0, 0}, .y = {MG_ARENA, 0, 0}, .settings.conv = winograd};
    plan.calls[1] = (struct mg_call){.kernel = MG_CONV2D_DIRECT, .images = 1, .x = {MG_ARENA, 0, 0}, .w = {MG_CONSTANTS, first, 0}, .y = {MG_OUTPUT, 0, 0}, .settings.conv = pointwise};
    const struct mg_conv one = {1, 16, 16, 48, 1, 1, 1, 1, 1, 1, 16, 16, 48, 48, 48, 0, .activation = 0}, one_winograd = {1, 18, 18, 32, 3, 3, 1, 1, 1, 1, 16, 16, 48, 32, 48, 4, .activation = 1};
    const struct mg_depthwise deep = {1, 16, 16, 48, 3, 3, 1, 1, 1, 1, 1, 1, 16, 16, 48, 48, .activation = 0};
    const size_t image = 16 * 16 * 48;
    plan.calls[2] = (struct mg_call){.kernel = MG_CONV2D_WINOGRAD, .images = 4, .x = {MG_INPUT, 0, 18 * 18 * 32}, .w = {MG_CONSTANTS, 0, 0}, .y = {MG_PRIVATE, 0, 0}, .settings.conv = one_winograd};
    plan.calls[3] = (struct mg_call){.kernel = MG_CONV2D_DIRECT, .images = 4, .strip = 2, .strip_rows = 3, .x = {MG_PRIVATE, 0, 0}, .w = {MG_CONSTANTS, first, 0}, .y = {MG_PRIVATE, image, 0}, .settings.conv = one};
    plan.calls[4] = (struct mg_call){.kernel = MG_DEPTHWISE, .images = 4, .x = {MG_PRIVATE, image, 0}, .w = {MG_CONSTANTS, first + mg_panels_size(48, 48, machine), 0}, .y = {MG_OUTPUT, 0, image}, .settings.depthwise = deep};
}

/* The strip without a group: threads share its rows. */
static void plan_in_strips(const struct mg_machine *machine, const struct mg_memory *memory)
{
    struct mg_call alone[3];
    for (int i = 0; i < 3; i++) {
        alone[i] = plan.calls[2 + i];
        alone[i].images = 1;
    }
    alone[0].y.area = alone[1].x.area = MG_ARENA;
    mg_run_plan(alone, 3, memory, NULL, machine);
}

static void run_plan(const struct mg_machine *machine)
{
    const size_t outputs = 4 * 16 * 16 * 48;
    const size_t own = 2 * outputs;
    float *areas[] = {NULL, plan.constants, floats(outputs), floats(own * machine->threads), plan.x, floats(outputs)};
    const struct mg_memory memory = {areas, own, floats(mg_plan_scratch(plan.calls, 5, machine))};
    double seconds[5];
    mg_run_plan(plan.calls, 5, &memory, seconds, machine);
    plan_in_strips(machine, &memory);
}

static void *everything(void *started_with)
{
    struct mg_machine machine = *(const struct mg_machine *)started_with;
    for (int round = 0; round < 3; round++) {
        machine.threads = (machine.threads * 3 + round) % 7 + 1;
        convolution(&machine);
        depthwise(&machine);
        sparse(1, &machine);
        sparse(16, &machine);
        batch_norm(&machine);
        pooling(&machine);
        bf16(&machine);
        int8(&machine);
        cooccurrences(&machine);
        segments(&machine);
        the_rest(&machine);
        run_plan(&machine);
    }
    return NULL;
}

int main(void)
{
    enum { CALLERS = 3 };
    for (int isa = 0; isa < MG_ISAS; isa++)
        if (mg_has_isa(isa)) {
            pthread_t callers[CALLERS];
            struct mg_machine machines[CALLERS];
            make_plan(&(struct mg_machine){isa, 4});
            for (int i = 0; i < CALLERS; i++) {
                machines[i] = (struct mg_machine){isa, i + 1};
                pthread_create(&callers[i], NULL, everything, &machines[i]);
            }
            for (int i = 0; i < CALLERS; i++)
                pthread_join(callers[i], NULL);
            printf("instruction set %d ran\n", isa);
        }
    return 0;
}
