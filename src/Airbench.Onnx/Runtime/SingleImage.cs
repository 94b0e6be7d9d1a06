using Microsoft.ML.OnnxRuntime;

namespace Airbench.Onnx;

/// <summary>Models that declare any number of images and compute one: a Reshape with a batch of 1 written into it, say.</summary>
internal static class SingleImage
{
    /// <summary>What to do about a call of several images that failed, where a call of one does not; else nothing.</summary>
    public static string Remedy(InferenceSession session, RunOptions options, ModelInput input, ModelOutput output, int count)
    {
        if (count == 1 || input.FixedBatch is not null)
        {
            return "";
        }
        try
        {
            using var image = input.Empty(1);
            using var scores = session.Run(options, [input.Name], [image], [output.Name]);
            return output.Fits(scores[0].GetTensorTypeAndShape().Shape, 1)
                ? ". One image at a time works: a batch of 1 is fixed inside of the model. Set batch_size (--batch-size): 1, or export it with an open batch"
                : "";
        }
        catch (OnnxRuntimeException)
        {
            return "";   // one image fails as well, so the number is not the reason
        }
    }
}
