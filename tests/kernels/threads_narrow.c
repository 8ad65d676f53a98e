/* A part of threads.c: the drivers for maps of bf16 and of bytes. */
#include "threads.h"

void bf16(const struct mg_machine *machine)
{
    const struct mg_conv s = {4, 18, 18, 32, 3, 3, 1, 1, 1, 1, 16, 16, 48, 32, 48, 4, .alpha = -1e9f, .beta = 1e9f, .ldr = 48};
    const size_t inputs = 4 * 18 * 18, outputs = 4 * 16 * 16, weights = 9 * 32 * 48;
    uint16_t *x = bytes(2 * inputs * 32), *y = bytes(2 * outputs * 48);
    float *x_float = floats(inputs * 32), *y_float = floats(outputs * 48), *w = floats(weights), *bias = floats(48), *dw = floats(weights);
    const struct mg_elementwise rows = {inputs, 32, 32, 32, .ldy = 32};
    mg_to_bf16(&rows, x_float, x, machine);
    mg_from_bf16(&rows, x, x_float, machine);

    int32_t *panels = bytes(4 * mg_bf16_panels_size(&s, machine));
    mg_bf16_pack(&s, x, bias, panels, machine);
    mg_bf16_pack_float(&s, w, bias, panels, machine);
    mg_bf16_conv2d(&s, x, panels, y, machine);
    mg_bf16_conv2d_float(&s, x, panels, y_float, machine);
    mg_bf16_conv2d_add(&s, x, panels, y_float, machine);
    mg_bf16_conv2d_weight(&s, x, y, dw, bytes(4 * mg_bf16_conv2d_weight_scratch(&s, machine)), machine);

    int32_t *of_2 = bytes(4 * mg_bf16_winograd_size(32, 48, machine)), *of_4 = bytes(4 * mg_bf16_winograd_4_size(32, 48, machine));
    mg_bf16_winograd_pack(32, 48, bytes(2 * 16 * 32 * 48), of_2, machine);
    mg_bf16_conv2d_winograd(&s, x, of_2, bias, y, floats(mg_bf16_winograd_scratch(&s, machine)), machine);
    mg_bf16_winograd_4_pack(32, 48, w, of_4, machine);
    const struct mg_bf16_operands narrow = {0, 0, x, NULL, bias, y, NULL, 0}, wide = {0, 0, NULL, x_float, bias, NULL, y_float, 1};
    mg_bf16_conv2d_winograd_4(&s, &narrow, of_4, floats(mg_bf16_winograd_4_scratch(&s, machine)), machine);
    mg_bf16_conv2d_winograd_4(&s, &wide, of_4, floats(mg_bf16_winograd_4_scratch(&s, machine)), machine);
    mg_bf16_conv2d_weight_winograd(&s, x_float, y_float, dw, floats(mg_bf16_conv2d_weight_winograd_scratch(&s, machine)), machine);

    const struct mg_place canvas = {4, 18, 18, 32, 32, 1, 1, 1, 1, 20, 20};
    mg_bf16_place(&canvas, x, bytes(2 * 4 * 20 * 20 * 32), machine);
    mg_bf16_place_float(&canvas, x, floats(4 * 20 * 20 * 32), machine);
    const struct mg_elementwise relu = {outputs, 48, 48, 48, .ldy = 48};
    mg_bf16_relu_sums(&relu, y, y_float, y_float, NULL, floats(mg_column_sums_scratch(outputs, 48)), bias, machine);
    mg_bf16_relu_sums(&relu, y, y_float, NULL, y, floats(mg_column_sums_scratch(outputs, 48)), bias, machine);

    const struct mg_pool pool = {4, 18, 18, 32, 3, 3, 2, 2, 0, 0, 0, 0, 1, 1, 0, 9, 9, 32, 32};
    uint8_t *index = bytes(4 * 9 * 9 * 32);
    mg_bf16_max_pool2d(&pool, x, y, machine);
    mg_bf16_max_pool2d_index(&pool, x, y, index, machine);
    mg_bf16_max_pool2d_backward(&pool, index, y_float, x_float, machine);
    mg_bf16_avg_pool2d(&pool, x, y_float, machine);
    mg_bf16_peak(100, machine);
}

void int8(const struct mg_machine *machine)
{
    const struct mg_conv s = {4, 18, 18, 32, 3, 3, 1, 1, 1, 1, 16, 16, 48, 32, 48, .beta = 255};
    const struct mg_conv pointwise = {4, 18, 18, 32, 1, 1, 1, 1, 1, 1, 18, 18, 48, 32, 48, .beta = 255};
    const size_t inputs = 4 * 18 * 18, outputs = inputs;
    uint8_t *x = bytes(inputs * 32), *y = bytes(outputs * 48);
    float *y_float = floats(outputs * 48);
    int32_t *panels = bytes(4 * mg_int8_panels_size(&s, machine)), *bias = calloc(48, sizeof *bias);
    mg_int8_pack(&s, bytes(9 * 32 * 48), bias, floats(48), panels, machine);
    mg_int8_conv2d(&s, x, panels, y, machine);
    mg_int8_conv2d_float(&s, x, panels, y_float, machine);
    mg_int8_conv2d_pairs(&s, x, panels, y, bytes(4 * mg_int8_pairs_scratch(&s, machine)), machine);
    mg_int8_conv2d_pairs(&pointwise, x, panels, y, bytes(4 * mg_int8_pairs_scratch(&pointwise, machine)), machine);

    const struct mg_quantize codes = {outputs, 48, 48, 48, 0.5f, 3};
    const struct mg_elementwise rows = {outputs, 48, 48, 48, .ldy = 48};
    mg_quantize(&codes, y_float, y, machine);
    mg_dequantize(&codes, y, y_float, machine);
    mg_copy_bytes(&rows, y, bytes(outputs * 48), machine);
    const struct mg_place image = {4, 18, 18, 3, 3, 1, 1, 1, 1, 20, 20}, canvas = {4, 18, 18, 32, 32, 1, 1, 1, 1, 20, 20};
    mg_quantize_image(&image, y_float, (const float[6]){1, 2, 3}, bytes(4 * 20 * 20 * 3), machine);
    mg_place_bytes(&canvas, 3, x, bytes(4 * 20 * 20 * 32), machine);

    const struct mg_int8_average average = {{4, 18, 18, 32, 3, 3, 2, 2, 0, 0, 0, 0, 1, 1, 0, 9, 9, 32, 32}, 0.5f};
    mg_int8_max_pool2d(&average.pool, x, y, machine);
    mg_int8_avg_pool2d(&average, x, y_float, machine);
    mg_int8_peak(100, machine);
}
