"""The fixed text of the report: the argument's links, what must not be claimed, and errors in the paper's numbers."""

TITLE = "The sparsity argument, shown with numbers"

LEAD = (
    "Sections 3 and 4 of “Going deeper with convolutions” argue: the optimal network is sparse; hardware is bad at sparse; so cover the "
    "sparse structure with dense blocks, which is the Inception module. The paper states this argument without showing it, and itself "
    "calls it questionable whether the success of its network comes from these principles. Here each link is an experiment, with a rule "
    "for what counts as confirmation, stated before anything was measured. All numbers are from the run that wrote this page, so another "
    "machine may give another verdict."
)

FIRST = (
    "**The 1x1 reduction is low rank, not sparsity.** From a full 5x5 to the naive module (figure 2a) weights are left out: that step is "
    "sparsity. From the naive to the reduced module (figure 2b) a matrix becomes a product of two smaller ones: that step is rank. Nothing "
    "below about sparse patterns says anything about reductions, and vice versa."
)

LINKS = {
    "L1": "If data come from a large, very sparse network, its layers can be found one by one from the correlations of their outputs",
    "L2": "Hardware is bad at sparse structure that is not uniform",
    "L3": "Clustering sparse matrices into dense submatrices gives competitive performance",
    "L4": "Therefore: sparsity at the level of filters, executed as dense matrices",
    "L5": "Correlated units are close together in low layers and spread out in higher ones",
    "L6": "5x5 convolutions and pools blow computation up; 1x1 reductions keep it in check",
}

ERRATA = (
    "“12 times fewer parameters” than AlexNet (section 1): 60,965,224 are those of the two-group AlexNet (the one on a single tower has "
    "62,378,344), GoogLeNet has 6,998,552: 8.7 times fewer. The rows of table 1 add up to 6.80 M (9.0 times), the Inception modules alone "
    "have 5.85 M (10.4 times). No honest count gives 12.",
    "Table 1, conv1: 2.7 K parameters and 34 M multiply-adds are printed; a 7x7 convolution of 3 channels to 64 has 9.4 K and 118 M.",
    "Table 1, inception (4c): 463 K parameters are printed; its columns give 510,104, 498 times 1,024 (the table counts so).",
    "Table 1, inception (5a): 1,072 K parameters and 54 M multiply-adds are printed; its columns give 1,043,456 (1,019 K) and 51.1 M.",
    "Table 3, last row: 10.07% minus 6.67% is 3.40%, not 3.45%.",
    "The citation for clustering (section 3) is about hypergraph partitioning for parallel products of a sparse matrix and a vector, and "
    "minimises communication (Çatalyürek, Aykanat, Uçar 2010). It supports the claim about dense submatrices by analogy only.",
)
