namespace Airbench.Onnx;

/// <summary>The engines that a fine-tuning can run on.</summary>
internal static class FinetuneEngines
{
    /// <summary>Opens the engine that the options name, on graphs written into the request's folder.</summary>
    /// <exception cref="DeviceException">The device, or the program behind <c>engine: ort_training</c>, is not there.</exception>
    /// <exception cref="InvalidFileException">The weights do not fit the network.</exception>
    public static IFinetuneEngine Open(FinetuneRequest request, FinetuneOptions options)
    {
        var spec = new TrainingSpec(request.Network, request.Part)
        {
            LabelSmoothing = request.LabelSmoothing,
            FrozenStatistics = request.FrozenStatistics,
        };
        if (options.Engine == FinetuneEngineKind.OrtTraining)
        {
            if (request.Backbone is not null)
            {
                throw new ConfigurationException("engine: ort_training, of a model with a backbone; expected onnx: these artifacts are written of our own networks");
            }
            return OnDeviceProgram.Open(request, spec, options.Momentum, options.WeightDecay, OnDeviceProgram.DefaultFolder);
        }
        if (request.Backbone is { } backbone)
        {
            return BackboneStep.OpenEngine(request, backbone);
        }
        var (step, evaluation) = (Path.Combine(request.Folder, TrainingFiles.TrainStepName), Path.Combine(request.Folder, "evaluate.onnx"));
        File.WriteAllBytes(step, TrainStep.Write(spec, request.WeightsFile));
        File.WriteAllBytes(evaluation, TrainStep.WriteEvaluation(spec, request.WeightsFile));
        return OnnxFinetuneEngine.Open(request, step, evaluation, TrainStep.State(spec));
    }
}
