/* A part of minigoog.h, which includes it: segments of a picture, and the hierarchy in which they merge (selective search). */
#ifndef MG_MINIGOOG_REGIONS_H
#define MG_MINIGOOG_REGIONS_H

/* ---- segments (segments.c) ---- */

/* A picture of h x w pixels and c channels as a graph: each pixel has an edge to each of its 8 neighbours. h * w < 2^30. */
struct mg_graph {
    size_t h, w, c;
    float k;         /* how much larger than the differences inside a segment those to its neighbours may be, times pixels */
    size_t min_size; /* pixels of the smallest segment */
};

/* The number of uint64 of scratch that mg_graph_segments needs. */
size_t mg_graph_segments_scratch(const struct mg_graph *s, const struct mg_machine *machine);
/* labels[h, w] = the number of each pixel's segment, counted in the order of first pixels; returns how many there are. x: h x w pixels of
   c floats, dense and finite. (Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation", IJCV 2004) */
size_t mg_graph_segments(const struct mg_graph *s, const float *x, int32_t *labels, uint64_t *scratch, const struct mg_machine *machine);

/* ---- regions (regions.c) ---- */

/* What is counted: the values, below `bins`, of each of `channels` planes of `pixels` pixels, in each of `regions` segments. */
struct mg_histograms {
    size_t pixels, channels, bins, regions;
};

/* counts[regions, channels, bins] = how many pixels of a segment have a value. segments: pixels; values: channels x pixels. */
void mg_region_histograms(const struct mg_histograms *s, const int32_t *segments, const uint8_t *values, int32_t *counts,
                          const struct mg_machine *machine);

/* The parts of the similarity of two regions, each from 0 to 1, which are added. */
enum mg_similarity { MG_COLOUR = 1, MG_TEXTURE = 2, MG_SIZE = 4, MG_FILL = 8 };

/* `regions` segments with `pairs` pairs of neighbours, and their histograms. Merging makes at most regions - 1 more, so arrays of regions
   have 2 * regions - 1 rows, of which the caller fills the first `regions`. */
struct mg_hierarchy {
    size_t regions, pairs;
    size_t colours, colour_bins;   /* channels of the colour histograms, and counters in all of them together */
    size_t textures, texture_bins; /* the same of the texture histograms */
    int similarity;                /* enum mg_similarity, added up */
};

/* The arrays of regions: sizes in pixels; boxes left, top, right, bottom; histograms, each row counts of pixels. */
struct mg_regions {
    int32_t *sizes, *boxes, *colours, *textures;
};

/* The number of doubles of scratch that mg_region_hierarchy needs. */
size_t mg_region_hierarchy_scratch(const struct mg_hierarchy *s, const struct mg_machine *machine);
/* Merges the two most similar neighbours until none are left; returns how many merges there were. Of equal pairs the one with the
   lowest numbers comes first. merged[i, 2] = the regions that become region regions + i; similarities[i] = how similar they were.
   neighbours[pairs, 2]: each pair once. A histogram of one channel adds up to the region's size, and all sizes to less than 2^31.
   (Uijlings et al., "Selective Search for Object Recognition", IJCV 2013) */
size_t mg_region_hierarchy(const struct mg_hierarchy *s, const int32_t *neighbours, const struct mg_regions *regions, int32_t *merged,
                           float *similarities, double *scratch, const struct mg_machine *machine);

#endif
