using Airbench.Inference.Finetuning;
using Airbench.OnnxModel.Training;

namespace Airbench.Adaptation;

/// <summary>The engine of the product, as its command line opens it.</summary>
internal static class Engines
{
    public static IFinetuneEngine Onnx(FinetuneRequest request)
    {
        var spec = new TrainingSpec(request.Network, request.Part) { LabelSmoothing = request.LabelSmoothing, FrozenStatistics = request.FrozenStatistics };
        var (step, evaluation) = (Path.Combine(request.Folder, TrainingFiles.TrainStepName), Path.Combine(request.Folder, "evaluate.onnx"));
        File.WriteAllBytes(step, TrainStep.Write(spec, request.WeightsFile));
        File.WriteAllBytes(evaluation, TrainStep.WriteEvaluation(spec, request.WeightsFile));
        return OnnxFinetuneEngine.Open(request, step, evaluation, TrainStep.State(spec));
    }
}
