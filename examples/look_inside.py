"""Look inside a network: trace one image, then ask how single numbers were computed, forward and backward."""

import minigoog as mg

mg.manual_seed(0)
model = mg.models.TinyInception()
images, labels = mg.data.digits()[0].images, mg.data.digits()[0].labels

trace = mg.trace(model, images[0], label=int(labels[0]))  # every operation, forward and backward
print(trace)

step = trace["inception2a.branch3x3.conv"][0]  # the 3x3 convolution of the first Inception module
print(f"\n{step.name} runs {step.op.name} on {step.op.inputs[0].shape}\n")

print(step.explain(3, 4, 5))  # row 3, column 4, channel 5 of its output: every product, added up
print()
print(step.explain_gradient(3, 4, 5))  # and the gradient of its input at the same place
