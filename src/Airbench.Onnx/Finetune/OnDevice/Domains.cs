using Airbench.Onnx.Proto;

namespace Airbench.Onnx;

/// <summary>Operator sets of on-device-training models.</summary>
internal static class Domains
{
    /// <summary>ONNX Runtime's own operators.</summary>
    public const string Microsoft = "com.microsoft";

    /// <summary>The last opset whose gradient operators ONNX Runtime 1.19 was tried with here.</summary>
    public const int Opset = 17;

    /// <summary>The finished model, with both operator sets.</summary>
    public static ModelProto Build(GraphBuilder graph)
    {
        var model = graph.Build(Opset);
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = Microsoft, Version = 1 });
        return model;
    }
}
