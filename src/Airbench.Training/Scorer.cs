using TorchSharp;
using static TorchSharp.torch;
using F = TorchSharp.torch.nn.functional;

namespace Airbench.Training;

/// <summary>Right answers of a network on a split, plain and with test-time augmentation.</summary>
internal static class Scorer
{
    private const int CpuBatch = 500;
    private const int CudaBatch = 2000;   // of 32 x 32 pixels, fewer of larger images

    /// <summary>Share of a split, the least confident, that <see cref="Tta.Adaptive"/> looks at again.</summary>
    private const double AdaptiveShare = 0.25;

    /// <summary>Reflect padding that the shifted views need.</summary>
    public const int Padding = 1;

    /// <summary>Right answers, plain and with <paramref name="tta"/>, from one pass in <paramref name="type"/>.</summary>
    /// <param name="network">What answers.</param>
    /// <param name="images">What it is asked about.</param>
    /// <param name="tta">Views of an image that vote.</param>
    /// <param name="type">Precision of the pass.</param>
    /// <param name="cancel">Answered within a batch.</param>
    /// <param name="confusion">int64 (K, K) on the device of the labels: gains the counts with TTA, rows are true classes; not for adaptive.</param>
    /// <param name="report">Told after each batch how many images are done.</param>
    public static (int Plain, int Tta) CountCorrect(
        Network network, DeviceImages images, Tta tta, ScalarType type, CancellationToken cancel, Tensor? confusion = null, Action<int>? report = null)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        if (tta == Tta.Adaptive)
        {
            return CountAdaptive(network, images, type, report, cancel);
        }
        var (plain, augmented) = (zeros(1, ScalarType.Int64, images.Labels.device), zeros(1, ScalarType.Int64, images.Labels.device));
        InBatches(images.Count, BatchSize(images), (first, count) =>
        {
            var labels = images.Labels.narrow(0, first, count);
            var (logits, views) = Logits(network, images, (top, left) => images.Crop(first, count, top, left), tta, type);
            plain.Accumulate(Right(logits, labels).sum());
            var answers = views.argmax(1);
            augmented.Accumulate(answers.eq(labels).sum());
            confusion?.view(-1).Accumulate(bincount(labels.Times(confusion.shape[0]).Plus(answers), minlength: confusion.numel()));
            report?.Invoke(first + count);
        }, cancel);
        return ((int)plain.item<long>(), (int)augmented.item<long>());
    }

    /// <summary>Accuracy (0 to 1) on the unaugmented images and their mean cross-entropy in nats, which is that of the labels as they are: never smoothed.</summary>
    /// <param name="network">What answers.</param>
    /// <param name="images">What it is asked about.</param>
    /// <param name="type">Precision of the pass.</param>
    /// <param name="cancel">Answered within a batch.</param>
    public static (double Accuracy, double Loss) Validate(Network network, DeviceImages images, ScalarType type, CancellationToken cancel)
    {
        using var noGradients = no_grad();
        using var scope = NewDisposeScope();
        var (right, loss) = (zeros(1, ScalarType.Int64, images.Labels.device), zeros(1, ScalarType.Float64, images.Labels.device));
        InBatches(images.Count, BatchSize(images), (first, count) =>
        {
            var labels = images.Labels.narrow(0, first, count);
            var logits = Logits(network, images, first, count, Tta.None, type).Plain;
            right.Accumulate(Right(logits, labels).sum());
            loss.Accumulate(F.cross_entropy(logits.to(ScalarType.Float32), labels, reduction: nn.Reduction.Sum).to(ScalarType.Float64));
        }, cancel);
        return ((double)right.item<long>() / images.Count, loss.item<double>() / images.Count);
    }

    /// <summary>Logits (count, K) of the unaugmented images and of <paramref name="tta"/> (recipes.md, "Test-time augmentation").</summary>
    public static (Tensor Plain, Tensor Tta) Logits(Network network, DeviceImages images, int first, int count, Tta tta, ScalarType type) =>
        Logits(network, images, (top, left) => images.Crop(first, count, top, left), tta, type);

    /// <summary>Logits (B, K) of the unaugmented images <paramref name="index"/> (int64 (B)), all in one pass.</summary>
    public static Tensor Logits(Network network, DeviceImages images, Tensor index, ScalarType type) =>
        Logits(network, images, (top, left) => images.Crop(index, top, left), Tta.None, type).Plain;

    /// <summary>Images a pass: as many as keep the device busy.</summary>
    internal static int BatchSize(DeviceImages images) =>
        images.Labels.device_type == DeviceType.CUDA ? Math.Max(CpuBatch, (int)(CudaBatch * 32L * 32 / ((long)images.Size * images.Size))) : CpuBatch;

    /// <summary>The unaugmented images first, then all views of the low-confidence ones.</summary>
    private static (int Plain, int Tta) CountAdaptive(Network network, DeviceImages images, ScalarType type, Action<int>? report, CancellationToken cancel)
    {
        var (confidence, right) = (zeros(images.Count, device: images.Labels.device), zeros(images.Count, ScalarType.Bool, images.Labels.device));
        var batch = BatchSize(images);
        InBatches(images.Count, batch, (first, count) =>
        {
            var logits = Logits(network, images, first, count, Tta.None, type).Plain;
            confidence.narrow(0, first, count).copy_(logits.softmax(1).amax([1]));
            right.narrow(0, first, count).copy_(Right(logits, images.Labels.narrow(0, first, count)));
            report?.Invoke(first + count);
        }, cancel);
        var plain = (int)right.sum().item<long>();
        var doubtful = confidence.topk((int)Math.Ceiling(AdaptiveShare * images.Count), 0, largest: false).indexes;
        InBatches((int)doubtful.shape[0], batch, (first, count) =>
        {
            var index = doubtful.narrow(0, first, count);
            var views = Logits(network, images, (top, left) => images.Crop(index, top, left), Tta.MirrorTranslate, type).Tta;
            right.index_copy_(0, index, Right(views, images.Labels.index_select(0, index)));
        }, cancel);
        return (plain, (int)right.sum().item<long>());
    }

    /// <summary>Visits <paramref name="total"/> images batch by batch, each in a dispose scope of its own.</summary>
    /// <param name="total">Images.</param>
    /// <param name="size">Of a batch, at most.</param>
    /// <param name="visit">Gets the first image of a batch and their number.</param>
    /// <param name="cancel">Answered between batches.</param>
    private static void InBatches(int total, int size, Action<int, int> visit, CancellationToken cancel)
    {
        for (var first = 0; first < total; first += size)
        {
            cancel.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            visit(first, Math.Min(size, total - first));
        }
    }

    private static (Tensor Plain, Tensor Tta) Logits(Network network, DeviceImages images, Func<int, int, Tensor> crop, Tta tta, ScalarType type)
    {
        var views = TestTimeAugmentation.Views(tta);
        var plain = Answer(views[0]);
        if (views.Count == 1)
        {
            return (plain, plain);
        }
        // The weights are powers of two, by which fp32 numbers are multiplied exactly: once a sum of equal ones is enough.
        var sums = views.GroupBy(view => view.Weight).Select(equal =>
            equal.Select(view => view == views[0] ? plain : Answer(view)).Aggregate((sum, logits) => sum.Plus(logits)).Times(equal.Key));
        return (plain, sums.Aggregate((sum, weighted) => sum.Plus(weighted)));

        Tensor Answer(View view)
        {
            var place = images.Padding + view.Shift;
            var pixels = crop(place, place);
            return network.Forward(images.Normalize(view.Mirror ? pixels.flip(2) : pixels, type), training: false);
        }
    }

    private static Tensor Right(Tensor logits, Tensor labels) => logits.argmax(1).eq(labels);
}
