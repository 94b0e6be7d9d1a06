using System.Text.Json;
using System.Text.Json.Nodes;
using Airbench.Pipeline;

namespace Airbench.Tests;

public class SchemaTests
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    [Fact]
    public void The_schema_of_one_kind_is_this()
    {
        Assert.Equal(
            """
            {
              "$schema": "https://json-schema.org/draft/2020-12/schema",
              "title": "Airbench.Onnx pipeline",
              "type": "object",
              "additionalProperties": false,
              "required": [
                "stages"
              ],
              "properties": {
                "name": {
                  "$ref": "#/$defs/name",
                  "description": "Name of the pipeline: a folder under runs/, and what its artifacts are called.",
                  "default": "pipeline"
                },
                "seed": {
                  "type": [
                    "integer",
                    "string"
                  ],
                  "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                  "minimum": 0,
                  "maximum": 2147483647,
                  "description": "Seed of everything random.",
                  "default": 1
                },
                "device": {
                  "anyOf": [
                    {
                      "type": "string",
                      "pattern": "^(auto|cpu|cuda(:[0-9]{1,3})?)$",
                      "examples": [
                        "auto",
                        "cpu",
                        "cuda"
                      ]
                    },
                    {
                      "$ref": "#/$defs/env"
                    }
                  ],
                  "description": "auto, cpu, cuda or cuda:N. auto takes the best there is and says which; cuda fails where there is none.",
                  "default": "auto"
                },
                "usd_per_hour": {
                  "type": [
                    "number",
                    "string",
                    "null"
                  ],
                  "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                  "minimum": 0,
                  "description": "Price of the machine, US dollars an hour: timings.csv and the summary then say what each stage cost.",
                  "default": null
                },
                "tracking": {
                  "type": "array",
                  "items": {
                    "enum": [
                      "tensorboard"
                    ]
                  },
                  "uniqueItems": true,
                  "description": "Formats that a run is written in as well: tensorboard (event files in its folder).",
                  "default": []
                },
                "env": {
                  "description": "Environment variables that values may take as ${env:NAME}. Logs and saved files keep ${env:NAME}.",
                  "type": [
                    "array",
                    "string",
                    "null"
                  ],
                  "items": {
                    "type": "string",
                    "pattern": "^[A-Za-z_][A-Za-z0-9_]{0,127}$"
                  }
                },
                "stages": {
                  "description": "The stages by name.",
                  "type": "object",
                  "minProperties": 1,
                  "maxProperties": 1000,
                  "propertyNames": {
                    "$ref": "#/$defs/name"
                  },
                  "additionalProperties": {
                    "$ref": "#/$defs/stage"
                  }
                }
              },
              "$defs": {
                "name": {
                  "type": "string",
                  "pattern": "^[a-z0-9][a-z0-9_.-]{0,63}$"
                },
                "env": {
                  "type": "string",
                  "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$"
                },
                "with-prepare": {
                  "type": [
                    "object",
                    "null"
                  ],
                  "additionalProperties": false,
                  "properties": {
                    "source": {
                      "anyOf": [
                        {
                          "enum": [
                            "cifar10",
                            "synthetic"
                          ]
                        },
                        {
                          "$ref": "#/$defs/env"
                        }
                      ],
                      "description": "Where the images come from.",
                      "default": "cifar10"
                    },
                    "name": {
                      "type": [
                        "string",
                        "null"
                      ],
                      "description": "Name of the data set; the pipeline's where not given.",
                      "default": null
                    },
                    "image_size": {
                      "type": [
                        "integer",
                        "string"
                      ],
                      "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                      "minimum": -2147483648,
                      "maximum": 2147483647,
                      "default": 32
                    }
                  },
                  "description": "Prepares images."
                },
                "stage": {
                  "type": "object",
                  "additionalProperties": false,
                  "required": [
                    "uses"
                  ],
                  "properties": {
                    "uses": {
                      "description": "prepare: Prepares images.",
                      "enum": [
                        "prepare"
                      ]
                    },
                    "needs": {
                      "description": "Stages whose artifacts it takes.",
                      "type": [
                        "array",
                        "string",
                        "null"
                      ],
                      "items": {
                        "$ref": "#/$defs/name"
                      },
                      "uniqueItems": true
                    },
                    "with": {
                      "description": "Options.",
                      "type": [
                        "object",
                        "null"
                      ]
                    }
                  },
                  "allOf": [
                    {
                      "if": {
                        "required": [
                          "uses"
                        ],
                        "properties": {
                          "uses": {
                            "const": "prepare"
                          }
                        }
                      },
                      "then": {
                        "properties": {
                          "with": {
                            "$ref": "#/$defs/with-prepare"
                          }
                        }
                      }
                    }
                  ]
                }
              }
            }

            """,
            SchemaWriter.Write([new FakeKinds().All[0]]));
    }

    [Fact]
    public void Options_of_every_type_have_types_descriptions_and_defaults()
    {
        var schema = JsonNode.Parse(SchemaWriter.Write(new FakeKinds().All))!;

        Assert.Equal(
            """
            {
              "epochs": {
                "type": [
                  "number",
                  "string"
                ],
                "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                "description": "Passes over the training set.",
                "default": 9.9
              },
              "runs": {
                "type": [
                  "integer",
                  "string"
                ],
                "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                "minimum": -2147483648,
                "maximum": 2147483647,
                "default": 1
              },
              "max_images": {
                "type": [
                  "integer",
                  "string"
                ],
                "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                "default": 1099511627776
              },
              "tta": {
                "anyOf": [
                  {
                    "enum": [
                      "none",
                      "mirror",
                      "mirror_translate",
                      "adaptive"
                    ]
                  },
                  {
                    "$ref": "#/$defs/env"
                  },
                  {
                    "type": "null"
                  }
                ],
                "default": null
              },
              "decay": {
                "type": [
                  "number",
                  "string",
                  "null"
                ],
                "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                "default": null
              },
              "widths": {
                "type": "array",
                "items": {
                  "type": [
                    "integer",
                    "string"
                  ],
                  "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                  "minimum": -2147483648,
                  "maximum": 2147483647
                },
                "default": [
                  64,
                  256,
                  256
                ]
              },
              "notes": {
                "type": [
                  "string",
                  "array"
                ],
                "items": {
                  "type": "string"
                },
                "default": []
              },
              "optimizer": {
                "type": "object",
                "additionalProperties": false,
                "properties": {
                  "lr": {
                    "type": [
                      "number",
                      "string"
                    ],
                    "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                    "description": "Learning rate.",
                    "default": 11.5
                  },
                  "nesterov": {
                    "anyOf": [
                      {
                        "enum": [
                          true,
                          false,
                          "on",
                          "off"
                        ]
                      },
                      {
                        "$ref": "#/$defs/env"
                      }
                    ],
                    "default": true
                  }
                },
                "description": "The optimizer.",
                "default": {
                  "lr": 3,
                  "nesterov": true
                }
              },
              "second": {
                "type": [
                  "object",
                  "null"
                ],
                "additionalProperties": false,
                "properties": {
                  "lr": {
                    "type": [
                      "number",
                      "string"
                    ],
                    "pattern": "^\\$\\{env:[A-Za-z_][A-Za-z0-9_]{0,127}\\}$",
                    "description": "Learning rate.",
                    "default": 11.5
                  },
                  "nesterov": {
                    "anyOf": [
                      {
                        "enum": [
                          true,
                          false,
                          "on",
                          "off"
                        ]
                      },
                      {
                        "$ref": "#/$defs/env"
                      }
                    ],
                    "default": true
                  }
                },
                "default": null
              }
            }
            """,
            schema["$defs"]!["with-train"]!["properties"]!.ToJsonString(Indented));
    }
}
