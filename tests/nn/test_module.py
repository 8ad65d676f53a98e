"""Module: its tree of parameters, saving and loading, train and eval, and how it prints."""

import numpy as np
import pytest

import minigoog as mg
from minigoog import Tensor, nn
from tests.strategies import numbers


def small():
    return nn.Sequential(features=nn.Sequential(nn.Conv2d(3, 4, 3, padding=1, relu=True), nn.MaxPool2d(3, 2, ceil_mode=True)),
                         drop=nn.Dropout(0.4), mean=nn.GlobalAvgPool2d(), fc=nn.Linear(4, 2, bias=False))


def test_parameters_are_found_by_dotted_name_in_the_order_of_the_attributes():
    assert [name for name, _ in small().named_parameters()] == ["features.0.weight", "features.0.bias", "fc.weight"]
    assert [p.shape for p in small().parameters()] == [(3, 3, 3, 4), (4,), (4, 2)]
    assert [name for name, _ in small().named_modules()] == ["", "features", "features.0", "features.1", "drop", "mean", "fc"]


def test_a_parameter_used_twice_is_counted_once():
    layer = nn.Linear(3, 3)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    assert len(model.parameters()) == 2
    model(Tensor(numbers(0, (2, 3)))).sum().backward()
    assert layer.weight.grad is not None


def test_children_and_modules_are_iterated_with_and_without_names_as_in_pytorch():
    model = small()
    assert [name for name, _ in model.named_children()] == ["features", "drop", "mean", "fc"]
    assert list(model.children()) == [module for _, module in model.named_children()]
    assert list(model.modules()) == [module for _, module in model.named_modules()] and len(list(model.modules())) == 7
    assert not list(model.named_buffers()) and model.buffers() == []
    norm = nn.Sequential(norm=nn.BatchNorm2d(2))
    assert [name for name, _ in norm.named_buffers()] == ["norm.running_mean", "norm.running_var"]
    assert norm.buffers() == [norm.norm.running_mean, norm.norm.running_var]


def test_a_module_used_twice_is_visited_once():
    layer = nn.Linear(3, 3)
    assert [name for name, _ in nn.Sequential(layer, nn.ReLU(), layer).named_modules()] == ["", "0", "1"]


def test_freezing_a_part_leaves_its_parameters_without_gradients():
    model = small()
    assert model.features.requires_grad_(False) is model.features
    model(Tensor(numbers(0, (1, 8, 8, 3)))).sum().backward()
    assert [p.grad is None for p in model.parameters()] == [True, True, False]
    assert all(p.requires_grad for p in model.requires_grad_().parameters())


def test_evaluation_mode_restores_the_mode_of_each_part():
    model = small()
    model.features.eval()
    modes = [module.training for module in model.modules()]
    with nn.evaluation_mode(model) as same:
        assert same is model and not any(module.training for module in model.modules())
    assert [module.training for module in model.modules()] == modes
    with pytest.raises(KeyError), nn.evaluation_mode(model):
        raise KeyError
    assert [module.training for module in model.modules()] == modes and len(set(modes)) == 2


def test_a_parameter_is_made_of_an_array_or_a_tensor():
    tensor = Tensor(numbers(0, (2, 3)))
    assert nn.Parameter(tensor).data is tensor.data and nn.Parameter(np.float32(3)).shape == ()
    assert not nn.Parameter(tensor.data, requires_grad=False).requires_grad
    assert all(nn.Parameter(data).dtype == np.float32 for data in (1.5, [1.5], [1], np.arange(2)))


def test_a_module_without_forward_says_so():
    with pytest.raises(NotImplementedError, match=r"Module has no forward\(\)"):
        nn.Module()(1)


@pytest.mark.parametrize("container", [list, tuple, lambda parts: {"a": parts[0]}, lambda parts: [[1, parts]]],
                         ids=["list", "tuple", "dict", "nested"])
def test_modules_in_a_list_or_dict_are_refused_because_their_parameters_are_not_registered(container):
    model = small()
    model.layers = container([nn.Linear(2, 3)])
    message = "Sequential.layers is a .* of modules or parameters, which are not registered: use Sequential or ModuleList"
    with pytest.raises(TypeError, match=message):
        model.parameters()


@pytest.mark.parametrize("name", ["forward", "train", "training", "parameters", "own"])
@pytest.mark.parametrize("part", [nn.ReLU(), nn.Parameter([1.0]), nn.Buffer(np.ones(1))])
def test_a_part_whose_name_hides_a_method_or_property_is_refused(name, part):
    class Model(nn.Module):
        stem = None  # a default, which a part may replace

        def own(self):
            return 3

    model = Model()
    model.stem = part
    with pytest.raises(ValueError, match=rf"Model: `{name}` is a method or property of Model, expected .* a {type(part).__name__}"):
        setattr(model, name, part)
    assert model.train() is model and model.training and model.own() == 3


def test_a_state_dict_holds_the_arrays_themselves():
    model = small()
    state = model.state_dict()
    assert state["fc.weight"] is model.fc.weight.data and list(state) == [name for name, _ in model.named_parameters()]


def test_loading_a_state_dict_copies_it():
    mg.manual_seed(1)
    a = small()
    mg.manual_seed(2)
    b = small()
    x = Tensor(numbers(0, (2, 8, 8, 3)))
    assert not np.array_equal(a.eval()(x).data, b.eval()(x).data)
    b.load_state_dict(a.state_dict())
    assert np.array_equal(a(x).data, b(x).data)
    a.fc.weight.data += 1
    assert not np.array_equal(a.fc.weight.data, b.fc.weight.data)


BAD_STATES = {
    "missing": (lambda s: s.pop("fc.weight"), "missing `fc.weight`"),
    "unknown": (lambda s: s.update(more=np.ones(3)), "unknown `more`"),
    "shape": (lambda s: s.update({"fc.weight": np.ones((2, 4))}), r"`fc.weight` has shape \(2, 4\), expected \(4, 2\)"),
    "broadcastable": (lambda s: s.update({"fc.weight": np.ones((1, 2))}), r"`fc.weight` has shape \(1, 2\), expected \(4, 2\)"),
    "integers": (lambda s: s.update({"fc.weight": np.ones((4, 2), int)}), "`fc.weight` is int64, expected floats"),
    "complex": (lambda s: s.update({"fc.weight": np.ones((4, 2), complex)}), "`fc.weight` is complex128, expected floats"),
    "ragged": (lambda s: s.update({"fc.weight": [[1.0, 2.0], [3.0]]}), "`fc.weight` is list, expected an array"),
    "text": (lambda s: s.update({"fc.weight": np.full((4, 2), "a")}), "`fc.weight` is <U1, expected floats"),
}


@pytest.mark.parametrize("spoil, message", BAD_STATES.values(), ids=BAD_STATES)
def test_a_state_dict_that_does_not_fit_is_refused_by_name_and_changes_nothing(spoil, message):
    model = small()
    before = {name: a.copy() for name, a in model.state_dict().items()}
    state = {name: a + 1 for name, a in before.items()}
    spoil(state)
    with pytest.raises(ValueError, match=f"load_state_dict: Sequential does not fit: .*{message}"):
        model.load_state_dict(state)
    assert all(np.array_equal(a, before[name]) for name, a in model.state_dict().items())


def test_loading_not_strictly_takes_what_fits_but_no_wrong_shape():
    model = small()
    model.load_state_dict({"fc.weight": np.full((4, 2), 7.0), "other": np.ones(3)}, strict=False)
    assert np.all(model.fc.weight.data == 7) and model.fc.weight.dtype == np.float32
    with pytest.raises(ValueError, match=r"`fc.weight` has shape \(3,\)"):
        model.load_state_dict({"fc.weight": np.ones(3)}, strict=False)


def test_many_misfits_are_not_all_listed():
    with pytest.raises(ValueError, match=r"and 4 more$"):
        small().load_state_dict({str(i): np.ones(1) for i in range(9)})


def test_train_and_eval_reach_every_part_and_return_the_module():
    model = small()
    assert model.eval() is model and not any(m.training for _, m in model.named_modules())
    assert model.train() is model and all(m.training for _, m in model.named_modules())


def test_zero_grad_forgets_all_gradients():
    model = small()
    model(Tensor(numbers(0, (1, 8, 8, 3)))).sum().backward()
    assert all(p.grad is not None for p in model.parameters())
    model.zero_grad()
    assert all(p.grad is None for p in model.parameters())


def test_printing_a_module_shows_the_tree_and_the_settings():
    assert repr(small()) == """\
Sequential(
  (features): Sequential(
    (0): Conv2d(3, 4, kernel_size=3x3, padding=1x1, relu)
    (1): MaxPool2d(3x3, stride=2x2, ceil_mode)
  )
  (drop): Dropout(p=0.4)
  (mean): GlobalAvgPool2d()
  (fc): Linear(4, 2, bias=False)
)"""


def test_sequential_runs_its_modules_in_order_and_takes_only_modules():
    x = Tensor(np.array([[1.0, -2.0]], np.float32))
    assert nn.Sequential(nn.ReLU(), nn.Tanh(gain=2.0))(x).data.tolist() == [[2 * np.float32(np.tanh(np.float32(1))), 0]]
    with pytest.raises(TypeError, match="Sequential: `1` is function, expected a Module"):
        nn.Sequential(nn.ReLU(), lambda x: x)
    with pytest.raises(TypeError, match="Sequential: `conv` is NoneType, expected a Module"):
        nn.Sequential(conv=None)
    with pytest.raises(ValueError, match="no modules"):
        nn.Sequential()


@pytest.mark.parametrize("make, message", [
    (lambda: nn.Conv2d(0, 4, 3), "Conv2d: `in_channels` is 0, expected at least 1"),
    (lambda: nn.Conv2d(3, 4.0, 3), "`out_channels` is 4.0"),
    (lambda: nn.Conv2d(3, 4, 0), "`kernel_size` is 0"), (lambda: nn.Conv2d(3, 4, (3, 3, 3)), r"`kernel_size` is \(3, 3, 3\)"),
    (lambda: nn.Conv2d(3, 4, 3, stride=0), "`stride` is 0"), (lambda: nn.Conv2d(3, 4, 3, padding=-1), "`padding` is -1"),
    (lambda: nn.Conv2d(3, 4, 3, groups=2), "`groups` is 2, expected a divisor of in_channels 3 and out_channels 4"),
    (lambda: nn.Linear(3, 0), "Linear: `out_features` is 0"), (lambda: nn.MaxPool2d(0), "MaxPool2d: `kernel_size` is 0"),
    (lambda: nn.AvgPool2d(2, stride="a"), "AvgPool2d: `stride` is 'a', expected an integer"),
])
def test_settings_that_make_no_sense_are_refused_when_the_layer_is_made(make, message):
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_the_same_seed_makes_the_same_network():
    def weights():
        mg.manual_seed(5)
        return small().state_dict()

    assert all(np.array_equal(a, b) for a, b in zip(weights().values(), weights().values(), strict=True))


def test_he_initialisation_has_the_spread_of_its_paper():
    """Standard deviation sqrt(2 / fan in), He et al. 2015; 200,000 samples know theirs to 0.5%."""
    mg.manual_seed(0)
    weight = nn.Conv2d(64, 400, 3).weight.data
    assert np.isclose(weight.std(), np.sqrt(2 / (9 * 64)), rtol=0.01) and abs(weight.mean()) < 1e-3


def test_inception_counts_its_parameters_as_the_paper_does():
    """Table 1, row 3a of the paper: 159K parameters; 163,696 with the biases."""
    module = nn.Inception(192, 64, 96, 128, 16, 32, 32)
    weights = 192 * 64 + 192 * 96 + 9 * 96 * 128 + 192 * 16 + 25 * 16 * 32 + 192 * 32
    assert sum(p.size for p in module.parameters()) == weights + 64 + 96 + 128 + 16 + 32 + 32
    assert module(Tensor(np.zeros((1, 4, 4, 192), np.float32))).shape == (1, 4, 4, 256) and module.out_channels == 256
