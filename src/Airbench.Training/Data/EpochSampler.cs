using TorchSharp;
using static TorchSharp.torch;

namespace Airbench.Training;

/// <summary>
/// Order and augmentation of the training images: each epoch a fresh permutation, then for every image translation, flip, cutout and
/// colour jitter, as far as the recipe has them, and last the size of this epoch's images.
/// </summary>
/// <remarks>
/// Random numbers are drawn on the CPU, a whole epoch at once: the same on every device, and nothing synchronizes inside an epoch. For a
/// GPU the next epoch can be drawn while it is at work on this one.
/// </remarks>
internal sealed class EpochSampler : IDisposable
{
    private readonly DeviceImages _images;
    private readonly Recipe _recipe;
    private readonly Generator _generator;
    private readonly Tensor _firstFlips;   // bool (N), by image
    private readonly Tensor _positions;    // int64 (S)
    private readonly bool _isPinned;
    private Dictionary<string, Tensor> _epoch = [];   // what this epoch drew, (N) each, in the epoch's order
    private (int Epoch, Dictionary<string, Tensor> Drawn)? _ahead;
    private long _size;   // of this epoch's images

    /// <summary>Draws the one-time flips of <see cref="Flip.Alternating"/>.</summary>
    /// <param name="images">Training split.</param>
    /// <param name="recipe">How to augment.</param>
    /// <param name="generator">The caller's, on the CPU.</param>
    /// <param name="isPinned">Whether numbers go to the device from pinned memory, so that nobody waits for the copy.</param>
    public EpochSampler(DeviceImages images, Recipe recipe, Generator generator, bool isPinned = false)
    {
        _isPinned = isPinned;
        if (recipe.Cutout > images.Size)
        {
            throw new ConfigurationException($"cutout: {recipe.Cutout} pixels do not fit images of {images.Size} pixels");
        }
        if (recipe.Resolutions is { Count: > 0 } shares && Math.Round(shares.Min() * images.Size, MidpointRounding.AwayFromZero) < NetworkSpec.MinImageSize)
        {
            throw new ConfigurationException(FormattableString.Invariant(
                $"resolutions: {shares.Min()} of {images.Size} pixels; expected a share that leaves at least {NetworkSpec.MinImageSize} pixels"));
        }
        (_images, _recipe, _generator) = (images, recipe, generator);
        _firstFlips = CoinFlips();
        _positions = tensor([.. Enumerable.Range(0, images.Size).Select(i => (long)i)], device: images.Labels.device);
    }

    /// <summary>What drawing the epoch under way again needs.</summary>
    public IEnumerable<(string Name, Tensor State)> State =>
        [("sampler.first_flips", _firstFlips.to(ScalarType.Byte)), ("sampler.generator", _epoch["generator"])];

    /// <summary>Goes back to a <see cref="State"/>; the next <see cref="Begin"/> draws the epoch that was under way.</summary>
    public void Restore(Tensor firstFlips, Tensor generator)
    {
        DropAhead();
        _firstFlips.copy_(firstFlips);
        _generator.set_state(generator);
    }

    /// <summary>Makes epoch <paramref name="epoch"/> (from 0) the one that batches are of; epochs follow one another.</summary>
    public void Begin(int epoch)
    {
        Dispose(_epoch);
        _size = _recipe.SizeIn(epoch, _images.Size);
        if (_ahead is { } ahead && ahead.Epoch == epoch)
        {
            (_epoch, _ahead) = (ahead.Drawn, null);
        }
        else
        {
            _epoch = Draw(epoch);
        }
    }

    /// <summary>int64 (B): where in this epoch's order the images <paramref name="index"/> (int64 (B)) are.</summary>
    public Tensor PositionsOf(Tensor index)
    {
        using var scope = NewDisposeScope();
        return _epoch["order"].argsort().index_select(0, index).MoveToOuterDisposeScope();   // the inverse of a permutation
    }

    /// <summary>Draws epoch <paramref name="epoch"/>, the one after this, before it begins.</summary>
    public void DrawAhead(int epoch) => _ahead ??= (epoch, Draw(epoch));

    /// <summary>The order and the augmentation of an epoch.</summary>
    private Dictionary<string, Tensor> Draw(int epoch)
    {
        using var scope = NewDisposeScope();
        var drawn = new Dictionary<string, Tensor> { ["generator"] = _generator.get_state().DetachFromDisposeScope() };
        var order = randperm(_images.Count, generator: _generator);
        Keep("order", order);
        if (_recipe.Flip != Flip.None)
        {
            Keep("flip", _recipe.Flip == Flip.Random
                ? CoinFlips()
                : (epoch % 2 == 0 ? _firstFlips : _firstFlips.logical_not()).index_select(0, order));
        }
        Keep("top", Integers((2 * _recipe.Translate) + 1).Plus(_images.Padding - _recipe.Translate));
        Keep("left", Integers((2 * _recipe.Translate) + 1).Plus(_images.Padding - _recipe.Translate));
        if (_recipe.Cutout > 0)
        {
            Keep("hole.top", Integers(_images.Size - _recipe.Cutout + 1));
            Keep("hole.left", Integers(_images.Size - _recipe.Cutout + 1));
        }
        if (_recipe.ColorJitter is { } jitter)
        {
            Keep("brightness", Uniform(jitter.Brightness));
            Keep("contrast", Uniform(jitter.Contrast).Plus(1.0));
        }
        return drawn;

        // libtorch keeps pinned memory until the copy is done, whatever becomes of the tensor.
        void Keep(string name, Tensor numbers) => drawn[name] = _isPinned
            ? numbers.pin_memory().to(_images.Labels.device, non_blocking: true).DetachFromDisposeScope()
            : numbers.to(_images.Labels.device).DetachFromDisposeScope();
    }

    /// <summary>
    /// Normalized images (B, 3, s, s), channels_last, and labels int64 (B) of positions first to first + count of this epoch, or of
    /// those <paramref name="chosen"/> among them. s is <see cref="Recipe.SizeIn"/>.
    /// </summary>
    /// <param name="first">First position.</param>
    /// <param name="count">Positions.</param>
    /// <param name="type">Type of the images.</param>
    /// <param name="chosen">int64, each 0 to count - 1; null takes all.</param>
    public (Tensor Images, Tensor Labels) Batch(int first, int count, ScalarType type, Tensor? chosen = null)
    {
        Tensor Drawn(string name)
        {
            var all = _epoch[name].narrow(0, first, count);
            return chosen is null ? all : all.index_select(0, chosen);
        }

        var index = Drawn("order");
        var pixels = _images.Crops(index, Drawn("top"), Drawn("left"));
        if (_recipe.Flip != Flip.None)
        {
            pixels = where(Drawn("flip").view(-1, 1, 1, 1), pixels.flip(2), pixels);
        }
        if (_recipe.Cutout == 0 && _recipe.ColorJitter is null)
        {
            return (Resize(_images.Normalize(pixels, type)), _images.Labels.index_select(0, index));
        }
        var images = _images.Normalize(pixels, ScalarType.Float32);
        if (_recipe.ColorJitter is not null)
        {
            images = images.Plus(Drawn("brightness").view(-1, 1, 1, 1)) * Drawn("contrast").view(-1, 1, 1, 1);
        }
        if (_recipe.Cutout > 0)
        {
            var hole = Covered(Drawn("hole.top")).unsqueeze(2).logical_and(Covered(Drawn("hole.left")).unsqueeze(1));   // (B, S, S)
            images = images.ZeroWhere(hole.unsqueeze(1));
        }
        return (Resize(images.to(type)), _images.Labels.index_select(0, index));
    }

    public void Dispose()
    {
        Dispose(_epoch);
        DropAhead();
        _firstFlips.Dispose();
        _positions.Dispose();
    }

    /// <summary>The whole scene in the size of this epoch, bilinear; (B, 3, S, S) -> (B, 3, s, s), channels_last.</summary>
    private Tensor Resize(Tensor images) => _size == _images.Size
        ? images
        : ChannelsLast.Of(nn.functional.interpolate(images, [_size, _size], mode: InterpolationMode.Bilinear, align_corners: false));

    /// <summary>bool (B, S): the positions start to start + cutout.</summary>
    private Tensor Covered(Tensor start)
    {
        var offset = _positions.unsqueeze(0) - start.unsqueeze(1);
        return offset.IsBelow(0).logical_not().logical_and(offset.IsBelow(_recipe.Cutout));
    }

    private Tensor CoinFlips()
    {
        using var scope = NewDisposeScope();
        return rand(_images.Count, generator: _generator).IsBelow(0.5).MoveToOuterDisposeScope();
    }

    private Tensor Integers(int end) => randint(0, end, _images.Count, ScalarType.Int64, generator: _generator);

    /// <summary>fp32 (N), uniform in +-<paramref name="range"/>.</summary>
    private Tensor Uniform(double range) => rand(_images.Count, generator: _generator).Times(2.0).Plus(-1.0).Times(range);

    private void DropAhead()
    {
        Dispose(_ahead?.Drawn ?? []);
        _ahead = null;
    }

    private static void Dispose(Dictionary<string, Tensor> drawn)
    {
        foreach (var tensor in drawn.Values)
        {
            tensor.Dispose();
        }
        drawn.Clear();
    }
}
